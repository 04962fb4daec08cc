package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

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

    /** Computes elements 0 .. n-1 at these addresses, where n is a multiple of {@link Lanes#COUNT}. */
    void run(long[] in, long[] out, int n);

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
        return (in, out) -> apply(parallel, dtype, size, in, out);
    }

    /** Applies this loop to {@code size} elements of each operand. */
    default void apply(Parallel parallel, DType dtype, long size, Buffer[] in, Buffer[] out) {
        var operands = addresses(in, size * dtype.bytes());
        var results = addresses(out, size * dtype.bytes());
        switch (dtype) {
            case F32, I32 -> pieces(parallel, size, (from, n) -> piece(operands, results, from, n));
            case BF16 -> pieces(parallel, size, (from, n) -> narrowPiece(operands, results, from, n));
            case BOOL, F16, F64 -> throw new IllegalArgumentException("no lane loop over " + dtype);
        }
    }

    private void piece(long[] in, long[] out, long from, int n) {
        int whole = Lanes.F32.loopBound(n);
        if (whole > 0) {
            run(moved(in, from * 4), moved(out, from * 4), whole);
        }
        if (whole < n) {
            remainder(moved(in, (from + whole) * 4), moved(out, (from + whole) * 4), n - whole);
        }
    }

    /** Less than a vector: through scratch memory, whose other lanes compute on whatever they hold. */
    private void remainder(long[] in, long[] out, int n) {
        var operands = Scratch.addresses(0, in.length);
        var results = Scratch.addresses(in.length, out.length);
        for (int i = 0; i < in.length; i++) {
            MemorySegment.copy(Lanes.ALL, in[i], Lanes.ALL, operands[i], n * 4L);
        }
        run(operands, results, Lanes.COUNT);
        for (int i = 0; i < out.length; i++) {
            MemorySegment.copy(Lanes.ALL, results[i], Lanes.ALL, out[i], n * 4L);
        }
    }

    private void narrowPiece(long[] in, long[] out, long from, int n) {
        var operands = Scratch.addresses(0, in.length);
        var results = Scratch.addresses(in.length, out.length);
        for (int done = 0; done < n; done += Scratch.SLOT) {
            int block = Math.min(Scratch.SLOT, n - done);
            long bytes = (from + done) * 2L;
            for (int i = 0; i < in.length; i++) {
                widen(in[i] + bytes, operands[i], block);
            }
            run(operands, results, Lanes.F32.loopBound(block + Lanes.COUNT - 1));
            for (int i = 0; i < out.length; i++) {
                narrow(results[i], out[i] + bytes, block);
            }
        }
    }

    /** y F32 = x BF16; exact. */
    static void widen(long x, long y, int n) {
        int i = 0;
        for (; i < Lanes.F32.loopBound(n); i += Lanes.COUNT) {
            Lanes.store(Lanes.loadBf16(Lanes.ALL, x + i * 2L), y + i * 4L);
        }
        for (; i < n; i++) {
            float value = Bf16.toFloat(Lanes.ALL.get(JAVA_SHORT_UNALIGNED, x + i * 2L));
            Lanes.ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, value);
        }
    }

    /** y BF16 = x F32, rounded to nearest even. */
    static void narrow(long x, long y, int n) {
        int i = 0;
        for (; i < Lanes.F32.loopBound(n); i += Lanes.COUNT) {
            Lanes.storeBf16(Lanes.load(x + i * 4L), Lanes.ALL, y + i * 2L);
        }
        for (; i < n; i++) {
            float value = Lanes.ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L);
            Lanes.ALL.set(JAVA_SHORT_UNALIGNED, y + i * 2L, Bf16.fromFloat(value));
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

    /** Where the value of {@code buffer} lies, which must have {@code bytes} bytes. */
    static long address(Buffer buffer, long bytes) {
        var segment = CpuBuffer.segment(buffer);
        Objects.checkFromIndexSize(0, bytes, segment.byteSize());
        return segment.address();
    }

    private static long[] addresses(Buffer[] buffers, long bytes) {
        var addresses = new long[buffers.length];
        for (int i = 0; i < addresses.length; i++) {
            addresses[i] = address(buffers[i], bytes);
        }
        return addresses;
    }

    private static long[] moved(long[] addresses, long bytes) {
        var moved = new long[addresses.length];
        for (int i = 0; i < moved.length; i++) {
            moved[i] = addresses[i] + bytes;
        }
        return moved;
    }
}
