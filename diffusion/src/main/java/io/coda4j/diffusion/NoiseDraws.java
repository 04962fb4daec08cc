package io.coda4j.diffusion;

import io.coda4j.diffusion.random.Purpose;

/** Where the forward process gets its randomness; draws are asked for in a fixed order. */
public interface NoiseDraws {

    /** Uniform numbers in [0, 1), {@code [rows, columns]} flat. */
    float[] uniform(Purpose purpose, int rows, int columns);

    /** Integers in {@code [low, highExclusive)}, one per row. */
    int[] integers(Purpose purpose, int rows, int low, int highExclusive);

    /** Row of the whole batch that row 0 of the call is, for batches that are processed in parts. */
    default int firstRow() {
        return 0;
    }

    /** Rows of the whole batch when the call has {@code rows}. */
    default int totalRows(int rows) {
        return rows;
    }
}
