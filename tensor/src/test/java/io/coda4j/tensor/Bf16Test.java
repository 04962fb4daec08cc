package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import org.junit.jupiter.api.Test;

class Bf16Test {
    @Test
    void everyBfloat16SurvivesTheWayToFloatAndBack() {
        for (int bits = 0; bits < 1 << 16; bits++) {
            float value = Bf16.toFloat((short) bits);
            if (Float.isNaN(value)) {
                assertTrue(Float.isNaN(Bf16.toFloat(Bf16.fromFloat(value))));
            } else {
                assertEquals((short) bits, Bf16.fromFloat(value));
            }
        }
    }

    /** The definition: of the neighbours below and above, the nearer; of equally near ones, the even. */
    private static short nearest(float value) {
        int bits = Float.floatToRawIntBits(value);
        short below = (short) (bits >>> 16);
        short above = (short) ((bits >>> 16) + 1);
        double down = Math.abs((double) value - exact(below));
        double up = Math.abs(exact(above) - (double) value);
        if (down != up) {
            return down < up ? below : above;
        }
        return (below & 1) == 0 ? below : above;
    }

    /** Infinity counts as the number that would follow the greatest. */
    private static double exact(short bits) {
        float value = Bf16.toFloat(bits);
        return Float.isInfinite(value) ? Math.copySign(0x1p128, value) : value;
    }

    /** Every sign, exponent and kept mantissa with the lower halves where rounding changes its mind. */
    @Test
    void floatsAreRoundedToTheNearestTiesToEven() {
        int[] lowers = {0, 1, 0x3fff, 0x7fff, 0x8000, 0x8001, 0xc000, 0xffff};
        for (int upper = 0; upper < 1 << 16; upper++) {
            for (int lower : lowers) {
                check(Float.intBitsToFloat(upper << 16 | lower));
            }
        }
        var random = new Random(1);
        for (int i = 0; i < 1_000_000; i++) {
            check(Float.intBitsToFloat(random.nextInt()));
        }
    }

    private static void check(float value) {
        short got = Bf16.fromFloat(value);
        if (Float.isNaN(value)) {
            assertTrue(Float.isNaN(Bf16.toFloat(got)));
            assertEquals(Float.floatToRawIntBits(value) < 0, got < 0, "the sign of NaN");
        } else if (Float.isInfinite(value)) {
            assertEquals(value, Bf16.toFloat(got));
        } else if (nearest(value) != got) {
            assertEquals(nearest(value), got, () -> "rounding " + value);
        }
    }
}
