package io.coda4j.coder.tokenizer;

import java.util.List;
import java.util.Random;

/** Texts and a tokenizer for tests, made without any file. */
final class Samples {
    private static final String[] ALPHABETS = {
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        "0123456789",
        " \t\n\r\u00A0\u3000\u2028\u2009\u0085\u000B\f",
        "{}()[];:.,<>=+-*/&|!?'\"\\@#$%^~`_",
        "éèüßñÅÿſǅµªº²½٣४",
        "e\u0301a\u0308o\u0302n\u0303\u0327\u0323",
        "日本語中文字한국어はひふ",
        "नमस्तेमरहबاшдЖ",
        "😀🚀👩‍💻🇩🇪𝒳𐍈",
    };
    private static final String[] WORDS = {
        "'s",
        "'LL",
        "'ſ",
        "<|im_end|>",
        "<|mask|>",
        "<think>",
        "<|im_",
        "public",
        " static",
        "return ",
        "    ",
        "\r\n",
        "\n\n",
        "//",
        "/**",
        "42",
        "I'm",
        "can't"
    };

    /** Java-like lines from which a few dozen merges can be learned. */
    static final List<String> CORPUS = List.of(
            "public static int add(int a, int b) {\n    return a + b;\n}\n".repeat(3),
            "/** Returns the sum of the values. */\nstatic long sum(long[] values) {\n    long total = 0;\n"
                    + "    for (long value : values) {\n        total += value;\n    }\n    return total;\n}\n",
            "if (index < 0 || index >= size) {\n    throw new IndexOutOfBoundsException(\"Index: \" + index);\n}\n",
            "String name = node.name();\nString text = node.text();\nreturn name + \"=\" + text;\n",
            "<|im_end|> naïve café 日本語 日本 😀😀 ’quoted’ …\n");

    private Samples() {}

    static BpeTokenizer tokenizer() {
        return BpeTrainer.ofSize(330).train(CORPUS, BpeTrainer.Progress.NONE);
    }

    /** Returns a string of letters of many scripts, odd blanks, signs, words and parts of added tokens. */
    static String randomText(Random random) {
        var text = new StringBuilder();
        int parts = random.nextInt(1, 25);
        for (int i = 0; i < parts; i++) {
            if (random.nextInt(4) == 0) {
                text.append(WORDS[random.nextInt(WORDS.length)]);
                continue;
            }
            int[] alphabet =
                    ALPHABETS[random.nextInt(ALPHABETS.length)].codePoints().toArray();
            int run = random.nextInt(1, 8);
            for (int c = 0; c < run; c++) {
                text.appendCodePoint(alphabet[random.nextInt(alphabet.length)]);
            }
        }
        return text.toString();
    }
}
