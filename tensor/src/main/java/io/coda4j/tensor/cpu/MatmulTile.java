package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;
import static io.coda4j.tensor.cpu.MicroKernel.MR;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.ORDER;
import static io.coda4j.tensor.cpu.MicroKernel.SPECIES;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;

/** Moves finished tiles of {@link MicroKernel} into a native F32 matrix. */
final class MatmulTile {
    /** Where {@link #pick} puts what it gathers, after as many vectors as a task has rows. */
    private static final int PICKED = MatmulWorkspace.MAX_ROWS * LANES;

    /** Floats of the buffer that {@link #turn} needs. */
    static final int TURN = PICKED + MatmulWorkspace.MAX_ROWS + LANES;

    private MatmulTile() {}

    /**
     * Stores the first {@code rows x columns} elements of the tile, or adds them to what is there.
     *
     * @param at byte of the matrix where the tile belongs
     * @param stride bytes between rows of the matrix
     */
    static void put(float[] tile, MemorySegment to, long at, long stride, int rows, int columns, boolean add) {
        if (rows < MR || columns < NR) {
            edge(tile, to, at, stride, rows, columns, add);
        } else if (add) {
            add(tile, to, at, stride);
        } else {
            store(tile, to, at, stride);
        }
    }

    private static void store(float[] tile, MemorySegment to, long at, long stride) {
        for (int r = 0; r < MR; r++) {
            long row = at + r * stride;
            FloatVector.fromArray(SPECIES, tile, r * NR).intoMemorySegment(to, row, ORDER);
            FloatVector.fromArray(SPECIES, tile, r * NR + LANES).intoMemorySegment(to, row + LANES * 4L, ORDER);
        }
    }

    private static void add(float[] tile, MemorySegment to, long at, long stride) {
        for (int r = 0; r < MR; r++) {
            long row = at + r * stride;
            FloatVector.fromMemorySegment(SPECIES, to, row, ORDER)
                    .add(FloatVector.fromArray(SPECIES, tile, r * NR))
                    .intoMemorySegment(to, row, ORDER);
            FloatVector.fromMemorySegment(SPECIES, to, row + LANES * 4L, ORDER)
                    .add(FloatVector.fromArray(SPECIES, tile, r * NR + LANES))
                    .intoMemorySegment(to, row + LANES * 4L, ORDER);
        }
    }

    /** As {@link #put}, with masks; there may be more rows than a tile of {@link MicroKernel} has. */
    static void edge(float[] tile, MemorySegment to, long at, long stride, int rows, int columns, boolean add) {
        for (int v = 0; v < columns; v += LANES) {
            var mask = SPECIES.indexInRange(v, columns);
            for (int r = 0; r < rows; r++) {
                long place = at + r * stride + v * 4L;
                var sum = FloatVector.fromArray(SPECIES, tile, r * NR + v);
                if (add) {
                    sum = sum.add(FloatVector.fromMemorySegment(SPECIES, to, place, ORDER, mask));
                }
                sum.intoMemorySegment(to, place, ORDER, mask);
            }
        }
    }

    /**
     * Stores the transpose of a matrix, or adds it to what is there.
     *
     * @param stride bytes between rows of {@code from}
     * @param toStride bytes between rows of {@code to}, which are columns of {@code from}
     */
    static void turn(
            MemorySegment from,
            long stride,
            int rows,
            int columns,
            MemorySegment to,
            long at,
            long toStride,
            boolean add,
            MatmulWorkspace workspace) {
        float[] buffer = workspace.turn;
        for (int c = 0; c < columns; c += LANES) {
            int first = add || columns - c < LANES ? 0 : SPECIES.loopBound(rows);
            for (int r = 0; r < first; r += LANES) {
                long place = at + c * toStride + r * 4L;
                MatmulTurn.turn(from, r * stride + c * 4L, stride, workspace.block, to, place, toStride);
            }
            for (int r = first; r < rows; r++) {
                FloatVector.fromMemorySegment(SPECIES, from, r * stride + c * 4L, ORDER)
                        .intoArray(buffer, r * LANES);
            }
            for (int i = 0; first < rows && i < Math.min(LANES, columns - c); i++) {
                pick(buffer, i, first, rows);
                row(buffer, to, at + (c + i) * toStride, first, rows, add);
            }
        }
    }

    /** Gathers element {@code i} of each vector in the first half of the buffer into its second half. */
    private static void pick(float[] buffer, int i, int first, int rows) {
        for (int r = first; r < rows; r++) {
            buffer[PICKED + r] = buffer[r * LANES + i];
        }
    }

    private static void row(float[] buffer, MemorySegment to, long at, int first, int count, boolean add) {
        for (int i = first; i < count; i += LANES) {
            var mask = SPECIES.indexInRange(i, count);
            var value = FloatVector.fromArray(SPECIES, buffer, PICKED + i);
            if (add) {
                value = value.add(FloatVector.fromMemorySegment(SPECIES, to, at + i * 4L, ORDER, mask));
            }
            value.intoMemorySegment(to, at + i * 4L, ORDER, mask);
        }
    }
}
