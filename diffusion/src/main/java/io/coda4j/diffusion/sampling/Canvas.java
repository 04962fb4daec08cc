package io.coda4j.diffusion.sampling;

import java.util.Arrays;

/**
 * Rows of tokens, some of them masked, that a sampler fills in.
 *
 * @param tokens {@code [rows, length]} flat; shared, not copied
 */
public record Canvas(int rows, int length, int[] tokens) {
    public Canvas {
        if (rows < 1 || length < 1 || tokens.length != (long) rows * length) {
            throw new IllegalArgumentException(
                    "tokens has " + tokens.length + " elements, expected " + rows + " x " + length + ", both positive");
        }
    }

    /** One row: a prompt (which may itself hold masks) followed by {@code newTokens} masks. */
    public static Canvas of(int[] prompt, int newTokens, int maskId) {
        if (newTokens < 0) {
            throw new IllegalArgumentException("newTokens must not be negative, got " + newTokens);
        }
        var tokens = Arrays.copyOf(prompt, prompt.length + newTokens);
        Arrays.fill(tokens, prompt.length, tokens.length, maskId);
        return new Canvas(1, tokens.length, tokens);
    }

    /** This canvas with every row repeated {@code times} times, copies next to each other. */
    public Canvas repeated(int times) {
        var repeated = new int[Math.multiplyExact(tokens.length, times)];
        for (int b = 0; b < rows * times; b++) {
            System.arraycopy(tokens, b / times * length, repeated, b * length, length);
        }
        return new Canvas(rows * times, length, repeated);
    }

    /** A copy of one row. */
    public int[] row(int row) {
        return Arrays.copyOfRange(tokens, row * length, (row + 1) * length);
    }

    public Canvas copy() {
        return new Canvas(rows, length, tokens.clone());
    }

    int count(int token, int row, int start, int end) {
        int count = 0;
        for (int i = row * length + start; i < row * length + end; i++) {
            count += tokens[i] == token ? 1 : 0;
        }
        return count;
    }
}
