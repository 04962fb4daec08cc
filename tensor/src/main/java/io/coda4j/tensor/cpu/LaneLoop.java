package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;

/**
 * A computation that takes index by index from operands of 4-byte elements to results of 4-byte elements, as a loop
 * over whole vectors; here it is applied to tensors of any size, and of BF16 by way of F32 blocks in scratch memory.
 *
 * <p>Each implementation is one static method with a loop of its own, so that the compiler sees one operation at each
 * site. It reads an index of every operand before it writes that index, hence results may be operands.
 */
@FunctionalInterface
interface LaneLoop {
    /** Elements of one piece of work: fixed, so that no result depends on the number of threads. */
    int PIECE = 16_384;

    /** Computes elements 0 .. n-1, where n is a multiple of {@link Lanes#COUNT}. */
    void run(MemorySegment[] in, MemorySegment[] out, int n);

    /** A piece of work on elements {@code from .. from+n-1}. */
    @FunctionalInterface
    interface Piece {
        void run(long from, int n);
    }

    /** Runs {@code piece} over the elements {@code 0 .. size-1} in pieces. */
    static void pieces(Parallel parallel, long size, Piece piece) {
        int tasks = Math.toIntExact((size + PIECE - 1) / PIECE);
        parallel.forEach(tasks, task -> {
            long from = (long) task * PIECE;
            piece.run(from, (int) Math.min(PIECE, size - from));
        });
    }

    /** A kernel that applies this loop to {@code size} elements of each operand, all of {@code dtype}. */
    default Kernel kernel(Parallel parallel, DType dtype, long size) {
        return (in, out) -> apply(parallel, dtype, size, segments(in), segments(out));
    }

    /** Applies this loop to {@code size} elements of each operand. */
    default void apply(Parallel parallel, DType dtype, long size, MemorySegment[] in, MemorySegment[] out) {
        switch (dtype) {
            case F32, I32 -> pieces(parallel, size, (from, n) -> piece(in, out, from, n));
            case BF16 -> pieces(parallel, size, (from, n) -> narrowPiece(in, out, from, n));
            case BOOL, F64 -> throw new IllegalArgumentException("no lane loop over " + dtype);
        }
    }

    private void piece(MemorySegment[] in, MemorySegment[] out, long from, int n) {
        int whole = Lanes.F32.loopBound(n);
        if (whole > 0) {
            run(slices(in, from, whole, 4), slices(out, from, whole, 4), whole);
        }
        if (whole < n) {
            remainder(slices(in, from + whole, n - whole, 4), slices(out, from + whole, n - whole, 4), n - whole);
        }
    }

    /** Less than a vector: through scratch memory, whose other lanes compute on whatever they hold. */
    private void remainder(MemorySegment[] in, MemorySegment[] out, int n) {
        var operands = Scratch.slots(0, in.length);
        var results = Scratch.slots(in.length, out.length);
        for (int i = 0; i < in.length; i++) {
            MemorySegment.copy(in[i], 0, operands[i], 0, n * 4L);
        }
        run(operands, results, Lanes.COUNT);
        for (int i = 0; i < out.length; i++) {
            MemorySegment.copy(results[i], 0, out[i], 0, n * 4L);
        }
    }

    private void narrowPiece(MemorySegment[] in, MemorySegment[] out, long from, int n) {
        var operands = Scratch.slots(0, in.length);
        var results = Scratch.slots(in.length, out.length);
        for (int done = 0; done < n; done += Scratch.SLOT) {
            int block = Math.min(Scratch.SLOT, n - done);
            long bytes = (from + done) * 2L;
            for (int i = 0; i < in.length; i++) {
                widen(in[i].asSlice(bytes, block * 2L), operands[i], block);
            }
            run(operands, results, Lanes.F32.loopBound(block + Lanes.COUNT - 1));
            for (int i = 0; i < out.length; i++) {
                narrow(results[i], out[i].asSlice(bytes, block * 2L), block);
            }
        }
    }

    /** y F32 = x BF16; exact. */
    static void widen(MemorySegment x, MemorySegment y, int n) {
        int i = 0;
        for (; i < Lanes.F32.loopBound(n); i += Lanes.COUNT) {
            Lanes.store(Lanes.loadBf16(x, i * 2L), y, i * 4L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            Lanes.store(Lanes.loadBf16(x, i * 2L, tail), y, i * 4L, tail);
        }
    }

    /** y BF16 = x F32, rounded to nearest even. */
    static void narrow(MemorySegment x, MemorySegment y, int n) {
        int i = 0;
        for (; i < Lanes.F32.loopBound(n); i += Lanes.COUNT) {
            Lanes.storeBf16(Lanes.load(x, i * 4L), y, i * 2L);
        }
        if (i < n) {
            var tail = Lanes.tail(i, n);
            Lanes.storeBf16(Lanes.load(x, i * 4L, tail), y, i * 2L, tail);
        }
    }

    /** The memory of each buffer. */
    static MemorySegment[] segments(Buffer[] buffers) {
        var segments = new MemorySegment[buffers.length];
        for (int i = 0; i < segments.length; i++) {
            segments[i] = CpuBuffer.segment(buffers[i]);
        }
        return segments;
    }

    private static MemorySegment[] slices(MemorySegment[] whole, long from, int n, int width) {
        var slices = new MemorySegment[whole.length];
        for (int i = 0; i < slices.length; i++) {
            slices[i] = whole[i].asSlice(from * width, (long) n * width);
        }
        return slices;
    }
}
