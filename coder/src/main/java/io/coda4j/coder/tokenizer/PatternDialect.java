package io.coda4j.coder.tokenizer;

import java.util.regex.Pattern;

/**
 * The regular expressions that Java and Oniguruma, the engine of the Hugging Face library, read alike. Outside of them
 * both may take an expression and split text differently: {@code \h} is a blank here and a hexadecimal digit there.
 */
final class PatternDialect {
    /** A dot stops at line feeds alone, and {@code ^} and {@code $} stand at each of them; {@code \s} is any white space. */
    static final int FLAGS = Pattern.UNICODE_CHARACTER_CLASS | Pattern.UNIX_LINES | Pattern.MULTILINE;

    private static final String ESCAPE =
            "\\\\(?:[nrtfsSdD]|[pP]\\{[CLMNPSZ][a-z]?\\}|u\\p{XDigit}{4}|x\\p{XDigit}{2}|[^\\p{Alnum}])";

    /** No class within a class, which is how {@code [:alpha:]} looks to Java, and no intersection. */
    private static final String CLASS = "\\[\\^?(?:[^\\[\\]\\\\&]++|&(?!&)|" + ESCAPE + ")++\\]";

    /** Without regard to case only the contractions of Qwen2: elsewhere the engines differ, as in {@code İ} and {@code ß}. */
    private static final String GROUP =
            "\\((?!\\?)|\\(\\?(?:[:=!>]|<[=!]|i:(?='s\\|'t\\|'re\\|'ve\\|'m\\|'ll\\|'d\\)))";

    private static final String REPEATED_POSSESSIVELY = "\\}\\+";

    private static final Pattern ALIKE = Pattern.compile(
            "(?!" + REPEATED_POSSESSIVELY + ")(?:" + ESCAPE + "|" + CLASS + "|" + GROUP + "|[^\\\\\\[(])",
            Pattern.DOTALL);

    private PatternDialect() {}

    /** Returns the index of the first construct of {@code regex} that the two may read differently, or -1. */
    static int firstDifference(String regex) {
        var alike = ALIKE.matcher(regex);
        int at = 0;
        while (at < regex.length()) {
            if (!alike.region(at, regex.length()).lookingAt()) {
                return at;
            }
            at = alike.end();
        }
        return -1;
    }
}
