package io.coda4j.diffusion.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class FastFloatTest {

    @Test
    void exponentialIsWithinOneUnitInTheLastPlace() {
        for (float x = -87.3f; x <= 0; x += 0.000731f) {
            float expected = (float) Math.exp(x);
            assertEquals(expected, FastFloat.exp(x), Math.ulp(expected), "x = " + x);
        }
        assertEquals(1f, FastFloat.exp(0f));
        assertEquals(0f, FastFloat.exp(-88f));
        assertEquals(0f, FastFloat.exp(Float.NEGATIVE_INFINITY));
        assertTrue(Float.isNaN(FastFloat.exp(Float.NaN)));
    }

    @Test
    void logarithmIsWithinOneUnitInTheLastPlace() {
        for (float x = 1e-10f; x < 2; x *= 1.00007f) {
            float expected = (float) Math.log(x);
            assertEquals(expected, FastFloat.log(x), Math.max(1e-9f, Math.ulp(expected)), "x = " + x);
        }
        assertEquals(0f, FastFloat.log(1f));
    }
}
