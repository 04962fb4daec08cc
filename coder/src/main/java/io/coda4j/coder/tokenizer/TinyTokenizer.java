package io.coda4j.coder.tokenizer;

import java.util.List;

/** A tokenizer that needs no file: all bytes, and the merges that a page of Java teaches. */
public final class TinyTokenizer {
    private static final int VOCABULARY = 320;
    private static final List<String> TEXTS = List.of("""
            package example;

            import java.util.ArrayList;
            import java.util.List;

            /** A list of numbers that knows its sum. */
            public final class Numbers {
                private final List<Integer> values = new ArrayList<>();
                private int sum;

                /** Adds a number. */
                public void add(int value) {
                    values.add(value);
                    sum += value;
                }

                /** Returns the sum of all numbers. */
                public int sum() {
                    return sum;
                }

                /** Returns the greatest number, or 0 if there is none. */
                public int greatest() {
                    int greatest = 0;
                    for (int value : values) {
                        if (value > greatest) {
                            greatest = value;
                        }
                    }
                    return greatest;
                }
            }
            """, """
            def add(a, b):
                return a + b

            def greatest(values):
                greatest = 0
                for value in values:
                    if value > greatest:
                        greatest = value
                return greatest
            """);

    private TinyTokenizer() {}

    /** The tokenizer, with CoDA's control tokens; the same at every call. */
    public static BpeTokenizer create() {
        return BpeTrainer.ofSize(VOCABULARY).train(TEXTS, BpeTrainer.Progress.NONE);
    }
}
