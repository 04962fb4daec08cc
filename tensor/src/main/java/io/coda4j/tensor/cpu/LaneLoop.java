package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.exec.Kernel;
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

    /** Computes elements 0 .. n-1 at the first of these addresses, where n is a multiple of {@link Lanes#COUNT}. */
    void run(long[] in, long[] out, int n);

    /** The pieces of {@code size} elements. */
    static long pieces(long size) {
        return (size + PIECE - 1) / PIECE;
    }

    /** The elements of piece {@code task} of {@code size}. */
    static int count(long size, int task) {
        return (int) Math.min(PIECE, size - (long) task * PIECE);
    }

    /** A kernel that applies this loop to {@code size} elements, all of {@code dtype}, of the first operands. */
    default Kernel kernel(Parallel parallel, DType dtype, long size, int operands) {
        return switch (dtype) {
            case F32, I32 -> kernel(parallel, Float.BYTES, size, operands);
            case BF16 ->
                Launch.of(parallel, pieces(size), (in, out, task) -> narrowPiece(in, operands, out, size, task));
            case BOOL, I8, F16, F64 -> throw new IllegalArgumentException("no lane loop over " + dtype);
        };
    }

    /** Likewise, where this loop takes elements of {@code width} bytes from memory as they are. */
    default Kernel kernel(Parallel parallel, int width, long size, int operands) {
        return Launch.of(parallel, pieces(size), (in, out, task) -> piece(in, operands, out, width, size, task));
    }

    private void piece(MemorySegment[] in, int operands, MemorySegment[] out, int width, long size, int task) {
        var scratch = Scratch.ofThread();
        int n = count(size, task);
        int whole = Lanes.F32.loopBound(n);
        long at = (long) task * PIECE * width;
        if (whole > 0) {
            for (int i = 0; i < operands; i++) {
                scratch.in[i] = address(in[i], size * width) + at;
            }
            for (int i = 0; i < out.length; i++) {
                scratch.out[i] = address(out[i], size * width) + at;
            }
            run(scratch.in, scratch.out, whole);
        }
        if (whole < n) {
            remainder(in, operands, out, at + (long) whole * width, (long) (n - whole) * width, scratch);
        }
    }

    /** Less than a vector: through scratch memory, whose other lanes compute on whatever they hold. */
    private void remainder(
            MemorySegment[] in, int operands, MemorySegment[] out, long at, long bytes, Scratch scratch) {
        for (int i = 0; i < operands; i++) {
            MemorySegment.copy(in[i], at, scratch.slot(i), 0, bytes);
            scratch.in[i] = scratch.address(i);
        }
        for (int i = 0; i < out.length; i++) {
            scratch.out[i] = scratch.address(operands + i);
        }
        run(scratch.in, scratch.out, Lanes.COUNT);
        for (int i = 0; i < out.length; i++) {
            MemorySegment.copy(scratch.slot(operands + i), 0, out[i], at, bytes);
        }
    }

    private void narrowPiece(MemorySegment[] in, int operands, MemorySegment[] out, long size, int task) {
        var scratch = Scratch.ofThread();
        int n = count(size, task);
        for (int i = 0; i < operands; i++) {
            scratch.in[i] = scratch.address(i);
        }
        for (int i = 0; i < out.length; i++) {
            scratch.out[i] = scratch.address(operands + i);
        }
        for (int done = 0; done < n; done += Scratch.SLOT) {
            int block = Math.min(Scratch.SLOT, n - done);
            long at = ((long) task * PIECE + done) * 2;
            for (int i = 0; i < operands; i++) {
                widen(address(in[i], size * 2) + at, scratch.in[i], block);
            }
            run(scratch.in, scratch.out, Lanes.F32.loopBound(block + Lanes.COUNT - 1));
            for (int i = 0; i < out.length; i++) {
                narrow(scratch.out[i], address(out[i], size * 2) + at, block);
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

    /** Where {@code segment} lies, which must have {@code bytes} bytes. */
    static long address(MemorySegment segment, long bytes) {
        Objects.checkFromIndexSize(0, bytes, segment.byteSize());
        return segment.address();
    }
}
