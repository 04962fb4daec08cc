package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Primitives that move elements without looking at them, for every element type. */
final class Movement {
    /** Bytes of one piece of a plain copy or fill. */
    private static final int PIECE = 1 << 16;

    private Movement() {}

    /** The identity on one operand of {@code bytes} bytes; nothing where operand and result are the same memory. */
    static Kernel copy(Parallel parallel, long bytes) {
        var launch = Launch.of(parallel, pieces(bytes), (in, out, task) -> {
            long at = (long) task * PIECE;
            MemorySegment.copy(in[0], at, out[0], at, count(bytes, task));
        });
        return (in, out) -> {
            if (CpuBuffer.segment(in[0]).address() != CpuBuffer.segment(out[0]).address()) {
                launch.run(in, out);
            }
        };
    }

    /** The identity on all operands, which the executor gives other names instead of running this. */
    static Kernel copyAll() {
        return (in, out) -> {
            for (int i = 0; i < in.length; i++) {
                var from = CpuBuffer.segment(in[i]);
                MemorySegment.copy(from, 0, CpuBuffer.segment(out[i]), 0, from.byteSize());
            }
        };
    }

    private static long pieces(long bytes) {
        return (bytes + PIECE - 1) / PIECE;
    }

    private static int count(long bytes, int piece) {
        return (int) Math.min(PIECE, bytes - (long) piece * PIECE);
    }

    static Kernel full(Parallel parallel, TensorType type, double value) {
        return fill(parallel, type.byteSize(), pattern(type.dtype(), value));
    }

    /** Eight bytes filled with the stored form of {@code value}. */
    private static long pattern(DType dtype, double value) {
        try (var arena = Arena.ofConfined()) {
            var element = arena.allocate(8);
            Elements.set(element, dtype, 0, value);
            return pattern(element, 0, dtype.bytes());
        }
    }

    /** Eight bytes filled with the element at byte {@code offset}. */
    private static long pattern(MemorySegment data, long offset, int width) {
        return switch (width) {
            case 1 -> (data.get(JAVA_BYTE, offset) & 0xffL) * 0x0101010101010101L;
            case 2 -> (data.get(JAVA_SHORT_UNALIGNED, offset) & 0xffffL) * 0x0001000100010001L;
            case 4 -> (data.get(JAVA_INT_UNALIGNED, offset) & 0xffffffffL) * 0x0000000100000001L;
            case 8 -> data.get(JAVA_LONG_UNALIGNED, offset);
            default -> throw new IllegalArgumentException("element width " + width);
        };
    }

    private static Kernel fill(Parallel parallel, long bytes, long pattern) {
        return Launch.of(
                parallel,
                pieces(bytes),
                (_, out, task) ->
                        fill(LaneLoop.address(out[0], bytes) + (long) task * PIECE, count(bytes, task), pattern));
    }

    /** Fills {@code n} bytes at an address, a multiple of the pattern's period, see {@link Lanes#ALL}. */
    private static void fill(long y, int n, long pattern) {
        var vector = Lanes.longs(pattern);
        int i = 0;
        for (; i <= n - Lanes.BYTES; i += Lanes.BYTES) {
            Lanes.store(vector, Lanes.ALL, y + i);
        }
        for (; i <= n - 8; i += 8) {
            Lanes.ALL.set(JAVA_LONG_UNALIGNED, y + i, pattern);
        }
        for (long rest = pattern; i < n; i++) {
            Lanes.ALL.set(JAVA_BYTE, y + i, (byte) rest);
            rest >>>= 8;
        }
    }

    static Kernel iota(Parallel parallel, TensorType type, int axis) {
        int count = type.dim(axis);
        long inner = 1;
        for (int i = axis + 1; i < type.rank(); i++) {
            inner *= type.dim(i);
        }
        long run = inner * type.dtype().bytes();
        long block = run * count;
        int blocks = block == 0 ? 0 : Math.toIntExact(type.byteSize() / block);
        var copies = Launch.of(
                parallel,
                Math.max(0, blocks - 1),
                (_, out, task) -> MemorySegment.copy(out[0], 0, out[0], (task + 1) * block, block));
        return (in, out) -> {
            if (blocks > 0) {
                ramp(CpuBuffer.segment(out[0]), type.dtype(), count, run);
                copies.run(in, out);
            }
        };
    }

    /** The first block of an iota: {@code count} runs of bytes, each holding its own number. */
    private static void ramp(MemorySegment y, DType dtype, int count, long run) {
        int width = dtype.bytes();
        long address = LaneLoop.address(y, count * run);
        for (int i = 0; i < count; i++) {
            Elements.set(y, dtype, i * run / width, i);
            long pattern = pattern(y, i * run, width);
            for (long at = width; at < run; at += PIECE) {
                fill(address + i * run + at, (int) Math.min(PIECE, run - at), pattern);
            }
        }
    }

    static Kernel transpose(Parallel parallel, TensorType x, List<Integer> permutation) {
        long[] strides = x.shape().strides();
        int rank = x.rank();
        int[] dims = new int[rank];
        long[] from = new long[rank];
        for (int i = 0; i < rank; i++) {
            dims[i] = x.dim(permutation.get(i));
            from[i] = strides[permutation.get(i)];
        }
        return move(
                parallel,
                StridedCopy.of(dims, from, Shape.of(dims).strides(), x.dtype().bytes()),
                0,
                0);
    }

    static Kernel broadcast(Parallel parallel, TensorType x, Primitive.Broadcast prim) {
        int[] dims = prim.dims().dims();
        long[] strides = x.shape().strides();
        long[] from = new long[dims.length];
        for (int i = 0; i < x.rank(); i++) {
            from[prim.axes().get(i)] = x.dim(i) == 1 ? 0 : strides[i];
        }
        return move(
                parallel,
                StridedCopy.of(dims, from, prim.dims().strides(), x.dtype().bytes()),
                0,
                0);
    }

    static Kernel slice(Parallel parallel, TensorType x, List<Integer> starts, TensorType y) {
        var copy = StridedCopy.of(
                y.shape().dims(),
                x.shape().strides(),
                y.shape().strides(),
                x.dtype().bytes());
        return move(parallel, copy, offset(x, starts), 0);
    }

    static Kernel pad(Parallel parallel, TensorType x, List<Integer> low, TensorType y) {
        var copy = StridedCopy.of(
                x.shape().dims(),
                x.shape().strides(),
                y.shape().strides(),
                x.dtype().bytes());
        long at = offset(y, low);
        var zeros = fill(parallel, y.byteSize(), 0);
        return (in, out) -> {
            zeros.run(in, out);
            copy.run(parallel, CpuBuffer.segment(in[0]), 0, CpuBuffer.segment(out[0]), at);
        };
    }

    static Kernel concat(Parallel parallel, List<TensorType> parts, int axis, TensorType y) {
        var copies = parts.stream()
                .map(x -> StridedCopy.of(
                        x.shape().dims(),
                        x.shape().strides(),
                        y.shape().strides(),
                        x.dtype().bytes()))
                .toList();
        long stride = y.shape().strides()[axis];
        return (in, out) -> {
            long at = 0;
            for (int i = 0; i < in.length; i++) {
                copies.get(i).run(parallel, CpuBuffer.segment(in[i]), 0, CpuBuffer.segment(out[0]), at * stride);
                at += parts.get(i).dim(axis);
            }
        };
    }

    static Kernel dynamicSlice(Parallel parallel, TensorType x, Primitive.DynamicSlice prim, TensorType y) {
        var copy = StridedCopy.of(
                y.shape().dims(),
                x.shape().strides(),
                y.shape().strides(),
                x.dtype().bytes());
        long stride = x.shape().strides()[prim.axis()];
        int last = x.dim(prim.axis()) - prim.size();
        return (in, out) ->
                copy.run(parallel, CpuBuffer.segment(in[0]), start(in[1], last) * stride, CpuBuffer.segment(out[0]), 0);
    }

    static Kernel dynamicUpdateSlice(Parallel parallel, TensorType x, TensorType update, int axis) {
        var copy = StridedCopy.of(
                update.shape().dims(),
                update.shape().strides(),
                x.shape().strides(),
                x.dtype().bytes());
        long stride = x.shape().strides()[axis];
        int last = x.dim(axis) - update.dim(axis);
        var whole = copy(parallel, x.byteSize());
        return (in, out) -> {
            whole.run(in, out);
            var y = CpuBuffer.segment(out[0]);
            copy.run(parallel, CpuBuffer.segment(in[1]), 0, y, start(in[2], last) * stride);
        };
    }

    /** The I32 scalar, clamped to {@code 0 .. last}. */
    private static int start(Buffer scalar, int last) {
        return Math.clamp(CpuBuffer.segment(scalar).get(JAVA_INT_UNALIGNED, 0), 0, last);
    }

    private static long offset(TensorType type, List<Integer> index) {
        long[] strides = type.shape().strides();
        long offset = 0;
        for (int i = 0; i < strides.length; i++) {
            offset += strides[i] * index.get(i);
        }
        return offset;
    }

    private static Kernel move(Parallel parallel, StridedCopy copy, long from, long to) {
        return (in, out) -> copy.run(parallel, CpuBuffer.segment(in[0]), from, CpuBuffer.segment(out[0]), to);
    }

    /** Fills {@code n} elements of {@code width} bytes from byte {@code to} with the element at byte {@code from}. */
    static void repeat(MemorySegment x, long from, MemorySegment y, long to, int n, int width) {
        fill(LaneLoop.address(y, to + n * (long) width) + to, n * width, pattern(x, from, width));
    }
}
