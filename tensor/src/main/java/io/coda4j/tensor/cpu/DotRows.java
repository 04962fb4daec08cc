package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.LoopProgram.Value;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import java.util.Optional;

/**
 * Sums of products of one or two rows x and z of F32 with each of some rows w, of F32 or of BF16, which lie {@code stride} elements
 * apart. Rows are addresses, which callers check, of n elements, a multiple of {@link Lanes#COUNT}; y and v are a float for each row w.
 *
 * <p>Each sum has one vector, whose lanes are added at the end, neighbours first.
 */
sealed interface DotRows {
    /** Rows w that are computed at once: of fewer, some would be computed more than once. */
    int TOGETHER = 4;

    /** Those in machine code if there is some, else those of the Vector API, of the same bits. */
    static DotRows of(Optional<VectorLoops> loops, boolean narrow) {
        return loops.<DotRows>map(made -> new Machine(made, narrow)).orElseGet(() -> new Vectors(narrow));
    }

    private static int width(boolean narrow) {
        return narrow ? Short.BYTES : Float.BYTES;
    }

    /** Those that serve rows of {@code n} elements. */
    DotRows forRows(int n);

    /** y = w x. */
    void one(long x, long w, long stride, int rows, int n, long y);

    /** y = w x and v = w z. */
    void two(long x, long z, long w, long stride, int rows, int n, long y, long v);

    /** {@link DotRow}. */
    record Vectors(boolean narrow) implements DotRows {
        private static final int SLOT = 2;

        @Override
        public DotRows forRows(int n) {
            return this;
        }

        @Override
        public void one(long x, long w, long stride, int rows, int n, long y) {
            long row = stride * width(narrow);
            long sums = Scratch.ofThread().address(SLOT);
            for (int first = 0; first < rows; first += TOGETHER) {
                int last = Math.min(TOGETHER, rows - first) - 1;
                long w0 = w + first * row;
                long w1 = w0 + Math.min(1, last) * row;
                long w2 = w0 + Math.min(2, last) * row;
                long w3 = w0 + last * row;
                if (narrow) {
                    DotRow.oneBf16(x, w0, w1, w2, w3, n, sums);
                } else {
                    DotRow.one(x, w0, w1, w2, w3, n, sums);
                }
                put(sums, last, y + first * 4L);
            }
        }

        @Override
        public void two(long x, long z, long w, long stride, int rows, int n, long y, long v) {
            long row = stride * width(narrow);
            long sums = Scratch.ofThread().address(SLOT);
            for (int first = 0; first < rows; first += TOGETHER) {
                int last = Math.min(TOGETHER, rows - first) - 1;
                long w0 = w + first * row;
                long w1 = w0 + Math.min(1, last) * row;
                long w2 = w0 + Math.min(2, last) * row;
                long w3 = w0 + last * row;
                if (narrow) {
                    DotRow.twoBf16(x, z, w0, w1, w2, w3, n, sums);
                } else {
                    DotRow.two(x, z, w0, w1, w2, w3, n, sums);
                }
                put(sums, last, y + first * 4L);
                put(sums + (long) TOGETHER * Lanes.BYTES, last, v + first * 4L);
            }
        }

        /** Sums 0 to {@code last}. */
        private static void put(long sums, int last, long y) {
            for (int i = 0; i <= last; i++) {
                Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, Lanes.sum(Lanes.load(sums + (long) i * Lanes.BYTES)));
            }
        }
    }

    /**
     * Machine code. It makes four sums at once, which do not wait for each other, of rows w far apart: processors fetch what follows in
     * several places ahead, while in one they stop at the end of each page.
     */
    final class Machine implements DotRows {
        private final Vectors vectors;
        private final int width;
        private final VectorLoop one;
        private final VectorLoop two;

        Machine(VectorLoops loops, boolean narrow) {
            vectors = new Vectors(narrow);
            width = width(narrow);
            one = loop(loops, narrow, 1);
            two = loop(loops, narrow, 2);
        }

        private static VectorLoop loop(VectorLoops loops, boolean narrow, int rows) {
            var b = new Builder();
            var w = new Value[TOGETHER / rows];
            for (int i = 0; i < w.length; i++) {
                w[i] = b.load(b.memory(Access.rows(narrow)));
            }
            for (int i = 0; i < rows; i++) {
                var x = b.load(b.memory(Access.ROW));
                for (var row : w) {
                    b.sumOfProducts(b.memory(Access.COLUMN), x, row);
                }
            }
            // One vector for each sum, as its twin has.
            return loops.required(b.program(1));
        }

        @Override
        public DotRows forRows(int n) {
            return n <= LoopCall.MAX_ELEMENTS ? this : vectors;
        }

        // Where rows cannot be divided, places overlap, and some sums are made twice.

        @Override
        public void one(long x, long w, long stride, int rows, int n, long y) {
            int some = MatmulBlocks.count(rows, TOGETHER);
            var call = Scratch.ofThread().call.memory(4, x);
            for (int i = 0; i < TOGETHER; i++) {
                int row = Math.min(i * some, rows - some);
                call.memory(i, w + row * stride * width).memory(5 + i, y + row * 4L);
            }
            call.run(one, some, n, stride);
        }

        @Override
        public void two(long x, long z, long w, long stride, int rows, int n, long y, long v) {
            int some = MatmulBlocks.count(rows, 2);
            var call = Scratch.ofThread().call.memory(2, x).memory(5, z);
            for (int i = 0; i < 2; i++) {
                int row = Math.min(i * some, rows - some);
                call.memory(i, w + row * stride * width)
                        .memory(3 + i, y + row * 4L)
                        .memory(6 + i, v + row * 4L);
            }
            call.run(two, some, n, stride);
        }
    }
}
