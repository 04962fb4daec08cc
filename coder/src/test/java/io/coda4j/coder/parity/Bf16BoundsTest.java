package io.coda4j.coder.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class Bf16BoundsTest {
    private static final Bf16Bounds SMALL = new Bf16Bounds(2, 64);

    @Test
    void boundsGrowWithTheRootOfTheRoundings() {
        // 3 x 2^-8 x sqrt(1 + 2 x 8 + 2) + 64 x 2^-24, of which two digits are kept.
        assertEquals(0.052, SMALL.logits());
        assertEquals(0.012, SMALL.afterLayers(0));
        assertTrue(SMALL.attention(0) < SMALL.afterLayers(1));
        assertTrue(SMALL.afterLayers(1) < SMALL.attention(1));
        assertEquals(2 * SMALL.gradient(), new Bf16Bounds(9, 64).gradient(), 2e-2);
    }

    @Test
    void averagesAreCloserAndMovementsFurther() {
        assertEquals(SMALL.loss(1) / 10, SMALL.loss(100), 1e-3);
        assertTrue(SMALL.losses(100) > SMALL.loss(100));
        assertEquals(Math.sqrt(SMALL.gradient()), SMALL.movement(), 1e-2);
    }

    @Test
    void longSumsCount() {
        assertTrue(new Bf16Bounds(2, 1 << 22).logits() > SMALL.logits() + 0.2);
    }
}
