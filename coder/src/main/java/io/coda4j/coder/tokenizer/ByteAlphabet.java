package io.coda4j.coder.tokenizer;

import java.util.Arrays;

/**
 * The printable spelling of bytes that GPT-2 introduced: every byte has one visible character, so that tokens can be
 * written as text. Printable Latin-1 bytes stand for themselves, the other 68 take the characters from U+0100 on in byte
 * order; a space is {@code Ġ}, a newline {@code Ċ}.
 */
final class ByteAlphabet {
    private static final char[] BYTE_TO_CHAR = new char[256];
    private static final short[] CHAR_TO_BYTE = new short[256 + 68];

    static {
        Arrays.fill(CHAR_TO_BYTE, (short) -1);
        var next = (char) 256;
        for (int b = 0; b < 256; b++) {
            boolean printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xFF && b != 0xAD);
            char c = printable ? (char) b : next++;
            BYTE_TO_CHAR[b] = c;
            CHAR_TO_BYTE[c] = (short) b;
        }
    }

    private ByteAlphabet() {}

    /** Returns the character that spells the byte {@code b & 0xFF}. */
    static char charOf(int b) {
        return BYTE_TO_CHAR[b & 0xFF];
    }

    /** Returns whether every character of {@code token} spells a byte. */
    static boolean spells(String token) {
        for (int i = 0; i < token.length(); i++) {
            char c = token.charAt(i);
            if (c >= CHAR_TO_BYTE.length || CHAR_TO_BYTE[c] < 0) {
                return false;
            }
        }
        return true;
    }

    /** Returns the bytes that {@code token} spells; it must be made of this alphabet. */
    static byte[] bytesOf(String token) {
        var bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) CHAR_TO_BYTE[token.charAt(i)];
        }
        return bytes;
    }

    /** Returns the 256 single-byte tokens in character order, which is the order of their ids in Qwen2's vocabulary. */
    static String[] tokensInOrder() {
        var sorted = BYTE_TO_CHAR.clone();
        Arrays.sort(sorted);
        var tokens = new String[sorted.length];
        Arrays.setAll(tokens, i -> String.valueOf(sorted[i]));
        return tokens;
    }
}
