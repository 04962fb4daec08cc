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
    /** Floats of the buffer that {@link #turn} needs. */
    static final int TURN = MatmulBlocks.roundUp(MatmulWorkspace.MAX_ROWS, LANES) * LANES;

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
     * @param from native memory, in which whole vectors may be read up to a multiple of the lanes in rows and columns
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
        for (int c = 0; c < columns; c += LANES) {
            int whole = add || columns - c < LANES ? 0 : SPECIES.loopBound(rows);
            long first = at + c * toStride;
            MatmulTurn.rows(from, c * 4L, stride, whole, workspace.block, to, first, toStride);
            if (whole < rows) {
                int some = Math.min(LANES, columns - c);
                long source = whole * stride + c * 4L;
                turnEdge(from, source, stride, rows - whole, some, to, first + whole * 4L, toStride, add, workspace);
            }
        }
    }

    /** Columns of one vector that are turned elsewhere first, because not all of it belongs into the matrix as it is. */
    private static void turnEdge(
            MemorySegment from,
            long source,
            long stride,
            int rows,
            int columns,
            MemorySegment to,
            long at,
            long toStride,
            boolean add,
            MatmulWorkspace workspace) {
        var buffer = workspace.turn;
        int whole = MatmulBlocks.roundUp(rows, LANES);
        MatmulTurn.rows(from, source, stride, whole, workspace.block, buffer.segment(), 0, whole * 4L);
        for (int c = 0; c < columns; c++) {
            row(buffer.array(), c * whole, to, at + c * toStride, rows, add);
        }
    }

    /** Stores {@code count} elements from {@code from[first]} on, or adds them to what is there. */
    private static void row(float[] from, int first, MemorySegment to, long at, int count, boolean add) {
        for (int i = 0; i < count; i += LANES) {
            var mask = SPECIES.indexInRange(i, count);
            var value = FloatVector.fromArray(SPECIES, from, first + i);
            if (add) {
                value = value.add(FloatVector.fromMemorySegment(SPECIES, to, at + i * 4L, ORDER, mask));
            }
            value.intoMemorySegment(to, at + i * 4L, ORDER, mask);
        }
    }
}
