package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

/** The arithmetic that the kernels are compared with, against numbers worked out by hand. */
class NumbersTest {
    private static int pair(float lower, float upper) {
        return Float.floatToRawIntBits(lower) >>> 16 | Float.floatToRawIntBits(upper) & 0xffff_0000;
    }

    @Test
    void theUpperProductIsAddedFirst() {
        // 2^24 + 1 rounds to 2^24; the order decides whether the 1 survives.
        assertEquals(0f, Numbers.dotBf16(0x1p24f, pair(-0x1p24f, 1), pair(1, 1)));
        assertEquals(1f, Numbers.dotBf16(0x1p24f, pair(1, -0x1p24f), pair(1, 1)));
    }

    @Test
    void eachProductIsRoundedOnceWithItsSum() {
        // (1 + 2^-7)^2 has 15 bits, which a sum of 2^-24 is too small to change in one rounding.
        float a = 1 + 0x1p-7f;
        assertEquals(a * a, Numbers.dotBf16(0x1p-25f, pair(a, 0), pair(a, 0)));
    }

    @Test
    void denormalNumbersAreZeros() {
        float denormal = 0x1p-130f;
        assertEquals(0f, Numbers.dotBf16(0, pair(denormal, 0), pair(0x1p120f, 0)));
        assertEquals(0f, Numbers.dotBf16(denormal, 0, 0));
        assertEquals(0f, Numbers.dotBf16(0, pair(0x1p-70f, 0), pair(0x1p-70f, 0)));
        assertEquals(Float.MIN_NORMAL, Numbers.dotBf16(0, pair(0x1p-63f, 0), pair(0x1p-63f, 0)));
    }

    @Test
    void bytesAreUnsignedOrSigned() {
        assertEquals(5 + 255 * -128, Numbers.dotUnsignedSigned(5, 0x0000_00ff, 0x0000_0080));
        assertEquals(5 + 128, Numbers.dotSigned(5, 0x0000_00ff, 0x0000_0080));
        assertEquals(1 * 5 + 2 * 6 + 3 * 7 + 4 * 8, Numbers.dotSigned(0, 0x0403_0201, 0x0807_0605));
    }

    @Test
    void wordsAreSigned() {
        assertEquals(3 * -2 + -128 * 127, Numbers.dotWords(0xff80_0003, 0x007f_fffe));
        assertEquals(Integer.MIN_VALUE, Numbers.dotWords(0x8000_8000, 0x8000_8000));
        assertEquals(0xffff_ff80, Numbers.words(0x1234_ff80));
        assertEquals(0x007f_0001, Numbers.words(0x7f01));
    }
}
