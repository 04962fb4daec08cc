package io.coda4j.diffusion;

import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;

/**
 * Draws of one training step from the counter-based generator.
 *
 * <p>Row {@code b} of the call is row {@code firstRow + b} of the step's batch, so a batch cut into parts (gradient
 * accumulation, several devices) gets the draws of the whole. Draws that a batch makes once are shared by all parts.
 *
 * @param batchRows rows of the whole batch of the step
 */
public record CounterDraws(CounterRandom random, int step, int firstRow, int batchRows) implements NoiseDraws {
    public CounterDraws {
        if (step < 0 || firstRow < 0 || batchRows < 1 || firstRow >= batchRows) {
            throw new IllegalArgumentException("expected step >= 0 and 0 <= firstRow < batchRows, got step " + step
                    + ", firstRow " + firstRow + ", batchRows " + batchRows);
        }
    }

    @Override
    public float[] uniform(Purpose purpose, int rows, int columns) {
        var out = new float[Math.multiplyExact(rows, columns)];
        for (int b = 0; b < rows; b++) {
            random.fillUniform(purpose, step, address(purpose, b), out, b * columns, columns);
        }
        return out;
    }

    @Override
    public int[] integers(Purpose purpose, int rows, int low, int highExclusive) {
        var out = new int[rows];
        for (int b = 0; b < rows; b++) {
            out[b] = random.uniformInt(purpose, step, address(purpose, b), 0, low, highExclusive);
        }
        return out;
    }

    private int address(Purpose purpose, int row) {
        return purpose == Purpose.BLOCK_GATE || purpose == Purpose.BLOCK_SIZE ? 0 : firstRow + row;
    }

    @Override
    public int totalRows(int rows) {
        if (firstRow + rows > batchRows) {
            throw new IllegalArgumentException("rows " + firstRow + " to " + (firstRow + rows - 1)
                    + " are outside a batch of " + batchRows + " rows");
        }
        return batchRows;
    }
}
