package io.coda4j.coder.tokenizer;

import java.util.regex.Pattern;

/**
 * Normalises text and splits it into the pieces inside which merges happen.
 *
 * @param pattern matches one piece; text between matches is a piece as well (behaviour "Isolated")
 * @param nfc whether text is brought to NFC first
 */
record TextSplitter(Pattern pattern, boolean nfc) {
    /** Receives a piece as the range {@code [start, end)} of the text. */
    @FunctionalInterface
    interface PieceConsumer {
        void piece(int start, int end);
    }

    /** The pattern of Qwen2 and so of CoDA: words with one leading sign, single digits, signs, line ends, blanks. */
    static final String QWEN2 = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}"
            + "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /** Compiles {@code regex} so that it means what it does in the files of the Hugging Face library. */
    static TextSplitter of(String regex, boolean nfc) {
        return new TextSplitter(Pattern.compile(regex, PatternDialect.FLAGS), nfc);
    }

    String normalize(String text) {
        return nfc ? Nfc.normalize(text) : text;
    }

    /** Hands every piece of {@code text}, in order and without gaps, to {@code consumer}. */
    void forEachPiece(String text, PieceConsumer consumer) {
        var matcher = pattern.matcher(text);
        int last = 0;
        while (matcher.find()) {
            if (matcher.start() > last) {
                consumer.piece(last, matcher.start());
            }
            if (matcher.end() > matcher.start()) {
                consumer.piece(matcher.start(), matcher.end());
            }
            last = matcher.end();
        }
        if (last < text.length()) {
            consumer.piece(last, text.length());
        }
    }

    /** Returns {@code text} with every lone surrogate replaced by U+FFFD. */
    static String wellFormed(String text) {
        int i = 0;
        while (i < text.length() && !Character.isSurrogate(text.charAt(i))) {
            i++;
        }
        if (i == text.length()) {
            return text;
        }
        var copy = new StringBuilder(text);
        while (i < text.length()) {
            int codePoint = text.codePointAt(i);
            if (codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE) {
                copy.setCharAt(i, '\uFFFD');
            }
            i += Character.charCount(codePoint);
        }
        return copy.toString();
    }
}
