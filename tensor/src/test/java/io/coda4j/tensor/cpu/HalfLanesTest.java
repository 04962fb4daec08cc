package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.Test;

class HalfLanesTest {
    private static final int ALL = 1 << 16;

    /** Every F16 there is, in vectors and, in the last places of a shorter run, one by one. */
    @Test
    void widensEveryHalf() {
        try (var arena = Arena.ofConfined()) {
            var halves = arena.allocate(2 * ALL, 64);
            for (int i = 0; i < ALL; i++) {
                halves.setAtIndex(JAVA_SHORT, i, (short) i);
            }
            var floats = arena.allocate(4 * ALL, 64);
            HalfLanes.widen(halves.address(), floats.address(), ALL - 1);
            for (int i = 0; i < ALL - 1; i++) {
                same(Float.float16ToFloat((short) i), floats.getAtIndex(JAVA_FLOAT, i), i);
            }
        }
    }

    /** Around every F16: the number itself, the ties next to it, and their neighbours. */
    @Test
    void narrowsToTheNearestHalfTiesToEven() {
        try (var arena = Arena.ofConfined()) {
            var floats = arena.allocate(4 * ALL, 64);
            for (int shift : new int[] {0, 1, -1, 0xfff, 0x1000, 0x1001, -0xfff, -0x1000, -0x1001}) {
                for (int i = 0; i < ALL; i++) {
                    int bits = Float.floatToRawIntBits(Float.float16ToFloat((short) i)) + shift;
                    floats.setAtIndex(JAVA_FLOAT, i, Float.intBitsToFloat(bits));
                }
                check(floats);
            }
        }
    }

    /** The bits of F32 in steps that are prime, subnormal and infinite numbers and NaN among them. */
    @Test
    void narrowsAnyFloat() {
        try (var arena = Arena.ofConfined()) {
            var floats = arena.allocate(4 * ALL, 64);
            for (int round = 0; round < 16; round++) {
                for (int i = 0; i < ALL; i++) {
                    floats.setAtIndex(JAVA_FLOAT, i, Float.intBitsToFloat((round * ALL + i) * 4099));
                }
                check(floats);
            }
        }
    }

    private static void check(MemorySegment floats) {
        try (var arena = Arena.ofConfined()) {
            var halves = arena.allocate(2 * ALL, 64);
            HalfLanes.narrow(floats.address(), halves.address(), ALL - 1);
            for (int i = 0; i < ALL - 1; i++) {
                float value = floats.getAtIndex(JAVA_FLOAT, i);
                short half = halves.getAtIndex(JAVA_SHORT, i);
                if (Float.isNaN(value)) {
                    assertTrue(Float.isNaN(Float.float16ToFloat(half)), () -> Float.toHexString(value));
                } else {
                    assertEquals(Float.floatToFloat16(value), half, () -> Float.toHexString(value));
                }
            }
        }
    }

    private static void same(float expected, float got, int half) {
        boolean isSame = Float.isNaN(expected)
                ? Float.isNaN(got)
                : Float.floatToRawIntBits(expected) == Float.floatToRawIntBits(got);
        assertTrue(isSame, () -> Integer.toHexString(half) + ": " + got + " instead of " + expected);
    }
}
