package io.coda4j.tensor.cpu.x86;

/** The arithmetic of the instructions, as the SDM describes it. */
final class Numbers {
    private Numbers() {}

    static int int32(byte[] from, int at) {
        return from[at] & 0xff | (from[at + 1] & 0xff) << 8 | (from[at + 2] & 0xff) << 16 | from[at + 3] << 24;
    }

    static void put(byte[] to, int at, int value) {
        for (int i = 0; i < 4; i++) {
            to[at + i] = (byte) (value >> 8 * i);
        }
    }

    static int bits(float value) {
        return Float.floatToRawIntBits(value);
    }

    /** A zero of the same sign in place of a denormal number. */
    static float flushed(float value) {
        return Math.abs(value) < Float.MIN_NORMAL ? Math.copySign(0f, value) : value;
    }

    /** a b + sum, rounded once; denormal operands count as zero, as a denormal result does. */
    static float fma(float a, float b, float sum) {
        return flushed(Math.fma(flushed(a), flushed(b), flushed(sum)));
    }

    static float sum(float a, float b) {
        return flushed(flushed(a) + flushed(b));
    }

    /** The BF16 number in the lower (0) or upper (1) half of a dword. */
    static float half(int dword, int number) {
        return Float.intBitsToFloat(number == 0 ? dword << 16 : dword & 0xffff_0000);
    }

    /** VDPBF16PS on one dword: the upper product first. */
    static float dotBf16(float sum, int a, int b) {
        return fma(half(a, 0), half(b, 0), fma(half(a, 1), half(b, 1), sum));
    }

    /** VPDPBUSD on one dword: unsigned times signed bytes. */
    static int dotUnsignedSigned(int sum, int a, int b) {
        int result = sum;
        for (int shift = 0; shift < 32; shift += 8) {
            result += (a >> shift & 0xff) * (byte) (b >> shift);
        }
        return result;
    }

    /** One dword of TDPBSSD: signed bytes. */
    static int dotSigned(int sum, int a, int b) {
        int result = sum;
        for (int shift = 0; shift < 32; shift += 8) {
            result += (byte) (a >> shift) * (byte) (b >> shift);
        }
        return result;
    }

    /** One dword of VPMADDWD: signed words; two products of the least word wrap. */
    static int dotWords(int a, int b) {
        return (short) a * (short) b + (a >> 16) * (b >> 16);
    }

    /** The dword that VPMOVSXBW makes of the two lower bytes. */
    static int words(int bytes) {
        return (byte) bytes & 0xffff | (byte) (bytes >> 8) << 16;
    }
}
