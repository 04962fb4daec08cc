package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.exec.KernelSet;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/**
 * The meaning of every core primitive, in the simplest words: what other kernels and devices compute is compared with
 * this.
 *
 * <p>Every element is read as a double, computed as a double, and rounded once when it is stored; sums run in index
 * order. I32 results are computed as Java {@code int}s. Nothing here is meant to be fast.
 */
final class ReferenceKernels implements KernelSet {
    /** What a primitive does to the elements of its operands. */
    @FunctionalInterface
    private interface Meaning {
        void compute(List<Values> in, List<Values> out);
    }

    /** One dense row-major tensor in memory. */
    private record Values(MemorySegment data, TensorType type) {
        double get(long index) {
            return Elements.get(data, type.dtype(), index);
        }

        void set(long index, double value) {
            Elements.set(data, type.dtype(), index, value);
        }

        /** Stores an element of a tensor of the same element type as it is. */
        void copy(long index, Values from, long at) {
            int bytes = type.dtype().bytes();
            MemorySegment.copy(from.data, at * bytes, data, index * bytes, bytes);
        }

        void copyAll(Values from) {
            if (data.address() != from.data.address()) {
                MemorySegment.copy(from.data, 0, data, 0, type.byteSize());
            }
        }

        void fill(double value) {
            for (long i = 0; i < size(); i++) {
                set(i, value);
            }
        }

        long size() {
            return type.size();
        }

        Shape shape() {
            return type.shape();
        }

        DType dtype() {
            return type.dtype();
        }
    }

    @Override
    public Optional<Kernel> kernel(Primitive prim, List<TensorType> in, List<TensorType> out) {
        return switch (prim) {
            case Primitive.Core core -> {
                var meaning = meaning(core);
                yield Optional.of((from, to) -> meaning.compute(values(from, in), values(to, out)));
            }
            case Primitive.Fused _ -> Optional.empty();
        };
    }

    private static List<Values> values(Buffer[] buffers, List<TensorType> types) {
        return IntStream.range(0, buffers.length)
                .mapToObj(i -> new Values(CpuBuffer.segment(buffers[i]), types.get(i)))
                .toList();
    }

    private static Meaning meaning(Primitive.Core prim) {
        return switch (prim) {
            case Primitive.Full(var _, double value) -> (_, y) -> y.getFirst().fill(value);
            case Primitive.Iota(var _, int axis) -> (_, y) -> iota(axis, y.getFirst());
            case Primitive.Unary(UnaryOp op) -> (x, y) -> unary(op, x.getFirst(), y.getFirst());
            case Primitive.Binary(BinaryOp op) -> (x, y) -> binary(op, x.get(0), x.get(1), y.getFirst());
            case Primitive.Compare(CompareOp op) -> (x, y) -> compare(op, x.get(0), x.get(1), y.getFirst());
            case Primitive.Select() -> (x, y) -> select(x.get(0), x.get(1), x.get(2), y.getFirst());
            case Primitive.Convert _ -> (x, y) -> convert(x.getFirst(), y.getFirst());
            case Primitive.Reshape _ -> (x, y) -> y.getFirst().copyAll(x.getFirst());
            case Primitive.Transpose(List<Integer> permutation) ->
                (x, y) -> transpose(permutation, x.getFirst(), y.getFirst());
            case Primitive.Broadcast(var _, List<Integer> axes) ->
                (x, y) -> broadcast(axes, x.getFirst(), y.getFirst());
            case Primitive.Slice(List<Integer> starts, var _) -> (x, y) -> slice(starts, x.getFirst(), y.getFirst());
            case Primitive.Pad(List<Integer> low, var _) -> (x, y) -> pad(low, x.getFirst(), y.getFirst());
            case Primitive.Concat(int axis) -> (x, y) -> concat(axis, x, y.getFirst());
            case Primitive.Reduce(ReduceOp op, List<Integer> axes) ->
                (x, y) -> reduce(op, axes, x.getFirst(), y.getFirst());
            case Primitive.Dot dot -> (x, y) -> dot(dot, x.get(0), x.get(1), y.getFirst());
            case Primitive.TakeRows() -> (x, y) -> takeRows(x.get(0), x.get(1), y.getFirst());
            case Primitive.ScatterAddRows(int rows) -> (x, y) -> scatterAddRows(rows, x.get(0), x.get(1), y.getFirst());
            case Primitive.DynamicSlice(int axis, var _) ->
                (x, y) -> dynamicSlice(axis, x.get(0), x.get(1), y.getFirst());
            case Primitive.DynamicUpdateSlice(int axis) ->
                (x, y) -> dynamicUpdateSlice(axis, x.get(0), x.get(1), x.get(2), y.getFirst());
            case Primitive.Annotate _ -> ReferenceKernels::identity;
        };
    }

    private static void iota(int axis, Values y) {
        long[] strides = new long[y.shape().rank()];
        strides[axis] = 1;
        walk(y.shape(), strides, 0, (position, index) -> y.set(position, index));
    }

    private static void unary(UnaryOp op, Values x, Values y) {
        var f = x.dtype() == DType.I32 ? onInt(op) : onReal(op);
        for (long i = 0; i < y.size(); i++) {
            y.set(i, f.applyAsDouble(x.get(i)));
        }
    }

    private static DoubleUnaryOperator onInt(UnaryOp op) {
        return switch (op) {
            case NEG -> x -> -(int) x;
            case EXP, LOG, SQRT, RSQRT, LOGISTIC, SIN, COS, ROUND, NOT ->
                throw new IllegalArgumentException(op + " has no i32 form");
        };
    }

    private static DoubleUnaryOperator onReal(UnaryOp op) {
        return switch (op) {
            case NEG -> x -> -x;
            case EXP -> Math::exp;
            case LOG -> Math::log;
            case SQRT -> Math::sqrt;
            case RSQRT -> x -> 1 / Math.sqrt(x);
            case LOGISTIC -> x -> 1 / (1 + Math.exp(-x));
            case SIN -> Math::sin;
            case COS -> Math::cos;
            case ROUND -> Math::rint;
            case NOT -> x -> x == 0 ? 1 : 0;
        };
    }

    private static void binary(BinaryOp op, Values a, Values b, Values y) {
        var f = function(op, y.dtype());
        for (long i = 0; i < y.size(); i++) {
            y.set(i, f.applyAsDouble(a.get(i), b.get(i)));
        }
    }

    private static DoubleBinaryOperator function(BinaryOp op, DType dtype) {
        return dtype == DType.I32 ? onInts(op) : onReals(op);
    }

    private static DoubleBinaryOperator onInts(BinaryOp op) {
        return switch (op) {
            case ADD -> (a, b) -> (int) a + (int) b;
            case SUB -> (a, b) -> (int) a - (int) b;
            case MUL -> (a, b) -> (int) a * (int) b;
            case DIV -> (a, b) -> b == 0 ? -1 : (int) a / (int) b;
            case MAX -> Math::max;
            case MIN -> Math::min;
            case AND, OR -> throw new IllegalArgumentException(op + " has no i32 form");
        };
    }

    private static DoubleBinaryOperator onReals(BinaryOp op) {
        return switch (op) {
            case ADD -> (a, b) -> a + b;
            case SUB -> (a, b) -> a - b;
            case MUL -> (a, b) -> a * b;
            case DIV -> (a, b) -> a / b;
            case MAX -> Math::max;
            case MIN -> Math::min;
            case AND -> (a, b) -> a != 0 && b != 0 ? 1 : 0;
            case OR -> (a, b) -> a != 0 || b != 0 ? 1 : 0;
        };
    }

    private static void compare(CompareOp op, Values a, Values b, Values y) {
        for (long i = 0; i < y.size(); i++) {
            y.set(i, holds(op, a.get(i), b.get(i)) ? 1 : 0);
        }
    }

    private static boolean holds(CompareOp op, double a, double b) {
        return switch (op) {
            case EQ -> a == b;
            case NE -> a != b;
            case LT -> a < b;
            case LE -> a <= b;
            case GT -> a > b;
            case GE -> a >= b;
        };
    }

    private static void select(Values predicate, Values a, Values b, Values y) {
        for (long i = 0; i < y.size(); i++) {
            y.copy(i, predicate.get(i) != 0 ? a : b, i);
        }
    }

    private static void convert(Values x, Values y) {
        for (long i = 0; i < y.size(); i++) {
            y.set(i, x.get(i));
        }
    }

    private static void transpose(List<Integer> permutation, Values x, Values y) {
        long[] xStrides = x.shape().strides();
        long[] strides = permutation.stream().mapToLong(axis -> xStrides[axis]).toArray();
        walk(y.shape(), strides, 0, (position, offset) -> y.copy(position, x, offset));
    }

    private static void broadcast(List<Integer> axes, Values x, Values y) {
        long[] xStrides = x.shape().strides();
        long[] strides = new long[y.shape().rank()];
        for (int i = 0; i < axes.size(); i++) {
            strides[axes.get(i)] = x.shape().dim(i) == 1 ? 0 : xStrides[i];
        }
        walk(y.shape(), strides, 0, (position, offset) -> y.copy(position, x, offset));
    }

    private static void slice(List<Integer> starts, Values x, Values y) {
        walk(
                y.shape(),
                x.shape().strides(),
                offset(x.shape(), starts),
                (position, offset) -> y.copy(position, x, offset));
    }

    private static void pad(List<Integer> low, Values x, Values y) {
        y.fill(0);
        walk(x.shape(), y.shape().strides(), offset(y.shape(), low), (position, offset) -> y.copy(offset, x, position));
    }

    private static void concat(int axis, List<Values> parts, Values y) {
        long[] strides = y.shape().strides();
        long start = 0;
        for (var part : parts) {
            walk(part.shape(), strides, start * strides[axis], (position, offset) -> y.copy(offset, part, position));
            start += part.shape().dim(axis);
        }
    }

    private static void reduce(ReduceOp op, List<Integer> axes, Values x, Values y) {
        var kept = x.shape().axesExcept(axes);
        long[] yStrides = y.shape().strides();
        long[] strides = new long[x.shape().rank()];
        for (int i = 0; i < kept.size(); i++) {
            strides[kept.get(i)] = yStrides[i];
        }
        var sums = new double[Math.toIntExact(y.size())];
        Arrays.fill(sums, ofNothing(op, x.dtype()));
        var f = function(
                switch (op) {
                    case SUM -> BinaryOp.ADD;
                    case MAX -> BinaryOp.MAX;
                    case MIN -> BinaryOp.MIN;
                },
                x.dtype());
        walk(x.shape(), strides, 0, (position, offset) -> {
            int at = (int) offset;
            sums[at] = f.applyAsDouble(sums[at], x.get(position));
        });
        for (int i = 0; i < sums.length; i++) {
            y.set(i, sums[i]);
        }
    }

    private static double ofNothing(ReduceOp op, DType dtype) {
        return switch (op) {
            case SUM -> 0;
            case MAX -> dtype == DType.I32 ? Integer.MIN_VALUE : Double.NEGATIVE_INFINITY;
            case MIN -> dtype == DType.I32 ? Integer.MAX_VALUE : Double.POSITIVE_INFINITY;
        };
    }

    private static void dot(Primitive.Dot dot, Values a, Values b, Values y) {
        long[] batchA = offsets(a, dot.lhsBatch());
        long[] batchB = offsets(b, dot.rhsBatch());
        long[] freeA = offsets(a, a.shape().axesExcept(dot.lhsBatch(), dot.lhsContract()));
        long[] freeB = offsets(b, b.shape().axesExcept(dot.rhsBatch(), dot.rhsContract()));
        long[] contractA = offsets(a, dot.lhsContract());
        long[] contractB = offsets(b, dot.rhsContract());
        long position = 0;
        for (int batch = 0; batch < batchA.length; batch++) {
            for (long rowA : freeA) {
                for (long rowB : freeB) {
                    double sum = 0;
                    for (int k = 0; k < contractA.length; k++) {
                        sum += a.get(batchA[batch] + rowA + contractA[k]) * b.get(batchB[batch] + rowB + contractB[k]);
                    }
                    y.set(position++, sum);
                }
            }
        }
    }

    private static void takeRows(Values table, Values ids, Values y) {
        long rows = table.shape().dim(0);
        long width = y.size() / Math.max(1, ids.size());
        for (long i = 0; i < ids.size(); i++) {
            long id = row("takeRows", ids, i, rows);
            for (long column = 0; column < width; column++) {
                y.copy(i * width + column, table, id * width + column);
            }
        }
    }

    private static void scatterAddRows(int rows, Values ids, Values updates, Values y) {
        long width = updates.size() / Math.max(1, ids.size());
        y.fill(0);
        for (long column = 0; column < width; column++) {
            var sums = new double[rows];
            for (long i = 0; i < ids.size(); i++) {
                sums[row("scatterAddRows", ids, i, rows)] += updates.get(i * width + column);
            }
            for (int row = 0; row < rows; row++) {
                y.set(row * width + column, sums[row]);
            }
        }
    }

    private static int row(String op, Values ids, long position, long rows) {
        int id = (int) ids.get(position);
        if (id < 0 || id >= rows) {
            throw new DeviceException(op + ": id " + id + " at position " + position + " of ids " + ids.type()
                    + " is outside the table's rows 0.." + (rows - 1));
        }
        return id;
    }

    private static void dynamicSlice(int axis, Values x, Values start, Values y) {
        long[] strides = x.shape().strides();
        long first = clamped(start, x.shape().dim(axis) - y.shape().dim(axis));
        walk(y.shape(), strides, first * strides[axis], (position, offset) -> y.copy(position, x, offset));
    }

    private static void dynamicUpdateSlice(int axis, Values x, Values update, Values start, Values y) {
        long[] strides = y.shape().strides();
        long first = clamped(start, x.shape().dim(axis) - update.shape().dim(axis));
        y.copyAll(x);
        walk(update.shape(), strides, first * strides[axis], (position, offset) -> y.copy(offset, update, position));
    }

    private static long clamped(Values start, int last) {
        return Math.clamp((long) start.get(0), 0, last);
    }

    private static void identity(List<Values> x, List<Values> y) {
        for (int i = 0; i < y.size(); i++) {
            y.get(i).copyAll(x.get(i));
        }
    }

    /** What to do at one index of a {@link #walk}. */
    @FunctionalInterface
    private interface Step {
        void at(long position, long offset);
    }

    /**
     * Visits every index of {@code shape} in row-major order: {@code position} counts them and {@code offset} is
     * {@code base} plus the sum of index times stride over the axes.
     */
    private static void walk(Shape shape, long[] strides, long base, Step step) {
        int[] dims = shape.dims();
        int[] index = new int[dims.length];
        long offset = base;
        for (long position = 0; position < shape.size(); position++) {
            step.at(position, offset);
            for (int axis = dims.length - 1; axis >= 0; axis--) {
                offset += strides[axis];
                if (++index[axis] < dims[axis]) {
                    break;
                }
                offset -= strides[axis] * dims[axis];
                index[axis] = 0;
            }
        }
    }

    /** The offset of every index over {@code axes} of {@code x}, the other axes being at 0. */
    private static long[] offsets(Values x, List<Integer> axes) {
        long[] xStrides = x.shape().strides();
        var shape = Shape.of(axes.stream().map(x.shape()::dim).toList());
        long[] strides = axes.stream().mapToLong(axis -> xStrides[axis]).toArray();
        var offsets = new long[Math.toIntExact(shape.size())];
        walk(shape, strides, 0, (position, offset) -> offsets[(int) position] = offset);
        return offsets;
    }

    private static long offset(Shape shape, List<Integer> index) {
        long[] strides = shape.strides();
        long offset = 0;
        for (int axis = 0; axis < strides.length; axis++) {
            offset += index.get(axis) * strides[axis];
        }
        return offset;
    }
}
