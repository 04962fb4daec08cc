package io.coda4j.diffusion.sampling;

import java.util.Arrays;
import java.util.List;

/**
 * Rows of tokens, some of them masked, that a sampler fills in. Rows may end before the last column: what is behind their
 * end belongs to nothing and is never looked at.
 *
 * @param tokens {@code [rows, length]} flat; shared, not copied
 * @param lengths {@code [rows]} columns that belong to each row; shared, not copied
 */
public record Canvas(int rows, int length, int[] tokens, int[] lengths) {
    public Canvas {
        if (rows < 1 || length < 1 || tokens.length != (long) rows * length) {
            throw new IllegalArgumentException(
                    "tokens has " + tokens.length + " elements, expected " + rows + " x " + length + ", both positive");
        }
        if (lengths.length != rows) {
            throw new IllegalArgumentException("lengths has " + lengths.length + " elements, expected " + rows);
        }
        for (int row = 0; row < rows; row++) {
            if (lengths[row] < 1 || lengths[row] > length) {
                throw new IllegalArgumentException(
                        "row " + row + " has " + lengths[row] + " columns, expected 1 to " + length);
            }
        }
    }

    /** Rows that all reach to the last column. */
    public Canvas(int rows, int length, int[] tokens) {
        this(rows, length, tokens, full(rows, length));
    }

    private static int[] full(int rows, int length) {
        var lengths = new int[Math.max(0, rows)];
        Arrays.fill(lengths, length);
        return lengths;
    }

    /** Rows of any lengths. */
    public static Canvas of(List<int[]> rows) {
        int length = rows.stream().mapToInt(row -> row.length).max().orElse(0);
        var tokens = new int[Math.multiplyExact(rows.size(), length)];
        for (int row = 0; row < rows.size(); row++) {
            System.arraycopy(rows.get(row), 0, tokens, row * length, rows.get(row).length);
        }
        var lengths = rows.stream().mapToInt(row -> row.length).toArray();
        return new Canvas(rows.size(), length, tokens, lengths);
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
        var repeatedLengths = new int[rows * times];
        for (int b = 0; b < rows * times; b++) {
            System.arraycopy(tokens, b / times * length, repeated, b * length, length);
            repeatedLengths[b] = lengths[b / times];
        }
        return new Canvas(rows * times, length, repeated, repeatedLengths);
    }

    /** A copy of one row, up to its end. */
    public int[] row(int row) {
        return Arrays.copyOfRange(tokens, row * length, row * length + lengths[row]);
    }

    public Canvas copy() {
        return new Canvas(rows, length, tokens.clone(), lengths.clone());
    }

    int count(int token, int row, int start, int end) {
        int count = 0;
        for (int i = row * length + start; i < row * length + end; i++) {
            count += tokens[i] == token ? 1 : 0;
        }
        return count;
    }
}
