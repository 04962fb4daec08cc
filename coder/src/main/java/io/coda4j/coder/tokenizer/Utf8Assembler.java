package io.coda4j.coder.tokenizer;

/**
 * Assembles code points from UTF-8 bytes that arrive in any portions.
 *
 * <p>Ill-formed input becomes U+FFFD, one for each maximal subpart (the Unicode Standard's recommended practice, and
 * what the reference tokenizer does). {@code new String(bytes, UTF_8)} differs for encoded surrogates.
 */
final class Utf8Assembler {
    private static final int REPLACEMENT = 0xFFFD;

    private int codePoint;
    private int missing;
    private int low = 0x80;
    private int high = 0xBF;

    /** Takes one byte and appends the code points that it completes to {@code out}. */
    void accept(byte value, StringBuilder out) {
        int b = value & 0xFF;
        if (missing > 0) {
            if (b >= low && b <= high) {
                codePoint = (codePoint << 6) | (b & 0x3F);
                low = 0x80;
                high = 0xBF;
                if (--missing == 0) {
                    out.appendCodePoint(codePoint);
                }
                return;
            }
            missing = 0;
            out.appendCodePoint(REPLACEMENT);
        }
        start(b, out);
    }

    /** Ends the input: an unfinished code point becomes U+FFFD. */
    void finish(StringBuilder out) {
        if (missing > 0) {
            missing = 0;
            out.appendCodePoint(REPLACEMENT);
        }
    }

    /** Reads a first byte, with the range of the second one that keeps out overlong forms and surrogates. */
    private void start(int b, StringBuilder out) {
        if (b < 0x80) {
            out.append((char) b);
        } else if (b >= 0xC2 && b <= 0xDF) {
            expect(1, b & 0x1F, 0x80, 0xBF);
        } else if (b >= 0xE0 && b <= 0xEF) {
            expect(2, b & 0x0F, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF);
        } else if (b >= 0xF0 && b <= 0xF4) {
            expect(3, b & 0x07, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF);
        } else {
            out.appendCodePoint(REPLACEMENT);
        }
    }

    private void expect(int more, int bits, int lowest, int highest) {
        missing = more;
        codePoint = bits;
        low = lowest;
        high = highest;
    }
}
