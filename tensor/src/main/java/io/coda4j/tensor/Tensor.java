package io.coda4j.tensor;

import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * A typed value: either data on a device ({@link Array}) or a variable of a program being traced ({@link Symbol}).
 *
 * <p>Every method builds one or a few {@link Primitive}s and hands them to the current {@link Interpreter}, so the same
 * code computes, traces and differentiates. Element types are never promoted. Elementwise methods broadcast their
 * operands against each other by aligning trailing axes, as explicit {@link Primitive.Broadcast}s. The axis along which, or
 * the axes over which, a method works may be given from the end as negative numbers; permutations and the lists of axes of
 * {@link #broadcast}, {@link #expand} and {@link #dot} may not. Operands that do not fit are a {@link ShapeException}.
 */
public sealed interface Tensor permits Array, Symbol {
    /** Element type and shape. */
    TensorType type();

    /** The dimensions. */
    default Shape shape() {
        return type().shape();
    }

    /** The element type. */
    default DType dtype() {
        return type().dtype();
    }

    /** The dimension of {@code axis}; negative axes count from the last. */
    default int dim(int axis) {
        return type().dim(axis);
    }

    /** The number of axes. */
    default int rank() {
        return type().rank();
    }

    /** Applies a primitive to operands under the current interpreter; all results. */
    static List<Tensor> apply(Primitive prim, Tensor... in) {
        return Interpreter.current().apply(prim, List.of(in));
    }

    /** Applies a primitive with one result to this tensor and further operands. */
    default Tensor then(Primitive prim, Tensor... rest) {
        return Interpreter.current()
                .apply(prim, Stream.concat(Stream.of(this), Arrays.stream(rest)).toList())
                .getFirst();
    }

    /** A tensor of {@code type} with every element equal to {@code value}. */
    static Tensor full(TensorType type, double value) {
        return apply(new Primitive.Full(type, value)).getFirst();
    }

    /** A tensor of {@code type} whose elements are their index along {@code axis}. */
    static Tensor iota(TensorType type, int axis) {
        return apply(new Primitive.Iota(type, counted(axis, type.rank()))).getFirst();
    }

    /** An axis counted from the first. One that does not exist stays as it was given, for the shape rule to name it. */
    private static int counted(int axis, int rank) {
        return axis < 0 && axis >= -rank ? axis + rank : axis;
    }

    /** An axis of this tensor counted from the first, for an operation {@code op} that has a list of all axes. */
    private int axis(String op, int axis) {
        int at = counted(axis, rank());
        Rule.of(op, List.of(type()), 1).axes("axis", List.of(at), rank());
        return at;
    }

    /** A tensor of this type with every element equal to {@code value}. */
    default Tensor like(double value) {
        return full(type(), value);
    }

    /** -x. */
    default Tensor neg() {
        return then(new Primitive.Unary(UnaryOp.NEG));
    }

    /** e^x. */
    default Tensor exp() {
        return then(new Primitive.Unary(UnaryOp.EXP));
    }

    /** Natural logarithm. */
    default Tensor log() {
        return then(new Primitive.Unary(UnaryOp.LOG));
    }

    /** Square root. */
    default Tensor sqrt() {
        return then(new Primitive.Unary(UnaryOp.SQRT));
    }

    /** 1 / sqrt(x). */
    default Tensor rsqrt() {
        return then(new Primitive.Unary(UnaryOp.RSQRT));
    }

    /** 1 / (1 + e^-x). */
    default Tensor logistic() {
        return then(new Primitive.Unary(UnaryOp.LOGISTIC));
    }

    /** Sine of radians. */
    default Tensor sin() {
        return then(new Primitive.Unary(UnaryOp.SIN));
    }

    /** Cosine of radians. */
    default Tensor cos() {
        return then(new Primitive.Unary(UnaryOp.COS));
    }

    /** The nearest whole number, of two equally near the even one. */
    default Tensor round() {
        return then(new Primitive.Unary(UnaryOp.ROUND));
    }

    /** Logical negation of a BOOL tensor. */
    default Tensor not() {
        return then(new Primitive.Unary(UnaryOp.NOT));
    }

    /** x * logistic(x). */
    default Tensor silu() {
        return mul(logistic());
    }

    private Tensor binary(BinaryOp op, Tensor other) {
        var shape = broadcastShape(op.name(), other);
        return broadcastTo(shape).then(new Primitive.Binary(op), other.broadcastTo(shape));
    }

    private Shape broadcastShape(String op, Tensor other) {
        if (shape().equals(other.shape())) {
            return shape();
        }
        int rank = Math.max(rank(), other.rank());
        int[] dims = new int[rank];
        for (int i = 1; i <= rank; i++) {
            int a = i <= rank() ? dim(-i) : 1;
            int b = i <= other.rank() ? other.dim(-i) : 1;
            if (a != b && a != 1 && b != 1) {
                throw new ShapeException(
                        op.toLowerCase(java.util.Locale.ROOT),
                        "cannot broadcast axis -" + i + ": " + a + " against " + b,
                        List.of(type(), other.type()));
            }
            dims[rank - i] = a == 1 ? b : a;
        }
        return Shape.of(dims);
    }

    /** x + other. */
    default Tensor add(Tensor other) {
        return binary(BinaryOp.ADD, other);
    }

    /** x - other. */
    default Tensor sub(Tensor other) {
        return binary(BinaryOp.SUB, other);
    }

    /** x * other. */
    default Tensor mul(Tensor other) {
        return binary(BinaryOp.MUL, other);
    }

    /** x / other. */
    default Tensor div(Tensor other) {
        return binary(BinaryOp.DIV, other);
    }

    /** The greater of each pair; NaN if either is NaN. */
    default Tensor max(Tensor other) {
        return binary(BinaryOp.MAX, other);
    }

    /** The lesser of each pair; NaN if either is NaN. */
    default Tensor min(Tensor other) {
        return binary(BinaryOp.MIN, other);
    }

    /** Conjunction of BOOL tensors. */
    default Tensor and(Tensor other) {
        return binary(BinaryOp.AND, other);
    }

    /** Disjunction of BOOL tensors. */
    default Tensor or(Tensor other) {
        return binary(BinaryOp.OR, other);
    }

    /** x + value. */
    default Tensor add(double value) {
        return then(new Primitive.Binary(BinaryOp.ADD), like(value));
    }

    /** x - value. */
    default Tensor sub(double value) {
        return then(new Primitive.Binary(BinaryOp.SUB), like(value));
    }

    /** x * value. */
    default Tensor mul(double value) {
        return then(new Primitive.Binary(BinaryOp.MUL), like(value));
    }

    /** x / value. */
    default Tensor div(double value) {
        return then(new Primitive.Binary(BinaryOp.DIV), like(value));
    }

    /** The greater of x and value. */
    default Tensor max(double value) {
        return then(new Primitive.Binary(BinaryOp.MAX), like(value));
    }

    /** The lesser of x and value. */
    default Tensor min(double value) {
        return then(new Primitive.Binary(BinaryOp.MIN), like(value));
    }

    private Tensor compare(CompareOp op, Tensor other) {
        var shape = broadcastShape(op.name(), other);
        return broadcastTo(shape).then(new Primitive.Compare(op), other.broadcastTo(shape));
    }

    /** BOOL: x == other. */
    default Tensor eq(Tensor other) {
        return compare(CompareOp.EQ, other);
    }

    /** BOOL: x != other. */
    default Tensor ne(Tensor other) {
        return compare(CompareOp.NE, other);
    }

    /** BOOL: x {@literal <} other. */
    default Tensor lt(Tensor other) {
        return compare(CompareOp.LT, other);
    }

    /** BOOL: x {@literal <=} other. */
    default Tensor le(Tensor other) {
        return compare(CompareOp.LE, other);
    }

    /** BOOL: x {@literal >} other. */
    default Tensor gt(Tensor other) {
        return compare(CompareOp.GT, other);
    }

    /** BOOL: x {@literal >=} other. */
    default Tensor ge(Tensor other) {
        return compare(CompareOp.GE, other);
    }

    /** {@code a} where this BOOL tensor holds, else {@code b}; all of one shape. */
    default Tensor select(Tensor a, Tensor b) {
        return then(new Primitive.Select(), a, b);
    }

    /** The same elements as {@code dtype}; this tensor itself if it has that type. */
    default Tensor convert(DType dtype) {
        return dtype() == dtype ? this : then(new Primitive.Convert(dtype));
    }

    /** The same elements under another shape. */
    default Tensor reshape(Shape shape) {
        return shape().equals(shape) ? this : then(new Primitive.Reshape(shape));
    }

    /** The same elements under another shape. */
    default Tensor reshape(int... dims) {
        return reshape(Shape.of(dims));
    }

    /** Result axis i is axis {@code permutation[i]} of this tensor. */
    default Tensor transpose(int... permutation) {
        return transpose(IntStream.of(permutation).boxed().toList());
    }

    /** Result axis i is axis {@code permutation[i]} of this tensor. */
    default Tensor transpose(List<Integer> permutation) {
        boolean identity = permutation.equals(IntStream.range(0, rank()).boxed().toList());
        return identity ? this : then(new Primitive.Transpose(List.copyOf(permutation)));
    }

    /** This tensor's axis i becomes axis {@code axes[i]} of a tensor of {@code shape}; the rest is repeated. */
    default Tensor broadcast(Shape shape, List<Integer> axes) {
        return then(new Primitive.Broadcast(shape, List.copyOf(axes)));
    }

    /** This tensor repeated to {@code shape}, aligning trailing axes. */
    default Tensor broadcastTo(Shape shape) {
        return shape().equals(shape)
                ? this
                : broadcast(
                        shape,
                        IntStream.range(shape.rank() - rank(), shape.rank())
                                .boxed()
                                .toList());
    }

    /** A reduction's result with the reduced {@code axes} of {@code shape} put back, repeated. */
    default Tensor expand(Shape shape, List<Integer> axes) {
        return broadcast(shape, shape.axesExcept(axes));
    }

    /** Elements {@code start <= index < limit} along one axis. */
    default Tensor slice(int axis, int start, int limit) {
        int at = axis("slice", axis);
        var starts = new ArrayList<>(Collections.nCopies(rank(), 0));
        var limits = new ArrayList<>(shape().toList());
        starts.set(at, start);
        limits.set(at, limit);
        return then(new Primitive.Slice(List.copyOf(starts), List.copyOf(limits)));
    }

    /** Zeros added before and after along one axis. */
    default Tensor pad(int axis, int low, int high) {
        int at = axis("pad", axis);
        var lows = new ArrayList<>(Collections.nCopies(rank(), 0));
        var highs = new ArrayList<>(Collections.nCopies(rank(), 0));
        lows.set(at, low);
        highs.set(at, high);
        return then(new Primitive.Pad(List.copyOf(lows), List.copyOf(highs)));
    }

    /** The parts, one after the other along {@code axis}. */
    static Tensor concat(int axis, List<? extends Tensor> parts) {
        if (parts.size() != 1) {
            int rank = parts.isEmpty() ? 0 : parts.getFirst().rank();
            return apply(new Primitive.Concat(counted(axis, rank)), parts.toArray(Tensor[]::new))
                    .getFirst();
        }
        Tensor only = parts.getFirst();
        only.axis("concat", axis);
        return only;
    }

    private Tensor reduce(ReduceOp op, int... axes) {
        var list = IntStream.of(axes).map(axis -> counted(axis, rank())).boxed().toList();
        return list.isEmpty() ? this : then(new Primitive.Reduce(op, list));
    }

    /** Sum over the given axes, which disappear. */
    default Tensor sum(int... axes) {
        return reduce(ReduceOp.SUM, axes);
    }

    /** Sum over the given axes, which disappear. */
    default Tensor sum(List<Integer> axes) {
        return sum(axes.stream().mapToInt(Integer::intValue).toArray());
    }

    /** Greatest element over the given axes, which disappear. */
    default Tensor reduceMax(int... axes) {
        return reduce(ReduceOp.MAX, axes);
    }

    /** Least element over the given axes, which disappear. */
    default Tensor reduceMin(int... axes) {
        return reduce(ReduceOp.MIN, axes);
    }

    /** Sum of all elements, a scalar. */
    default Tensor sumAll() {
        return sum(IntStream.range(0, rank()).toArray());
    }

    /** Arithmetic mean over the given axes, which disappear. Neither the sum nor the count need fit into a narrow type. */
    default Tensor mean(int... axes) {
        long count = IntStream.of(axes).mapToLong(this::dim).reduce(1, Math::multiplyExact);
        return widened().sum(axes).div(count).convert(dtype());
    }

    /** These elements in the type in which sums of them are computed. */
    private Tensor widened() {
        return dtype().isReducedPrecision() ? convert(dtype().accumulator()) : this;
    }

    /** The general contraction; see {@link Primitive.Dot}. */
    default Tensor dot(
            Tensor rhs,
            List<Integer> lhsBatch,
            List<Integer> rhsBatch,
            List<Integer> lhsContract,
            List<Integer> rhsContract) {
        return then(new Primitive.Dot(lhsBatch, rhsBatch, lhsContract, rhsContract, dtype().accumulator()), rhs);
    }

    /** x[…,K] times weight[N,K] transposed, [..., N]; the result has the element type of x. */
    default Tensor linear(Tensor weight) {
        return dot(weight, List.of(), List.of(), List.of(rank() - 1), List.of(1))
                .convert(dtype());
    }

    /** x[M,K] times other[K,N]; the result has the element type of x. */
    default Tensor matmul(Tensor other) {
        return dot(other, List.of(), List.of(), List.of(rank() - 1), List.of(0)).convert(dtype());
    }

    /** Rows of this table[V,…] at ids I32[…]. */
    default Tensor takeRows(Tensor ids) {
        return then(new Primitive.TakeRows(), ids);
    }

    /** Zeros[rows,…] to which {@code updates} are added at these ids. */
    default Tensor scatterAddRows(int rows, Tensor updates) {
        return then(new Primitive.ScatterAddRows(rows), updates);
    }

    /** {@code size} elements along {@code axis} from a start I32[] known only at run time. */
    default Tensor dynamicSlice(int axis, int size, Tensor start) {
        return then(new Primitive.DynamicSlice(counted(axis, rank()), size), start);
    }

    /** This tensor with {@code update} written along {@code axis} from a start I32[] known only at run time. */
    default Tensor dynamicUpdateSlice(int axis, Tensor update, Tensor start) {
        return then(new Primitive.DynamicUpdateSlice(counted(axis, rank())), update, start);
    }

    /** The same value with a note for an interpreter or device. */
    default Tensor annotate(Primitive.Note note) {
        return then(new Primitive.Annotate(note));
    }

    /** The same value, through which no gradient flows. */
    default Tensor stopGradient() {
        return annotate(new Primitive.Note.StopGradient());
    }

    /** softmax along the last axis. */
    default Tensor softmax() {
        return then(new Primitive.Softmax());
    }

    /** Natural logarithm of softmax along the last axis; narrow types are computed in F32. */
    default Tensor logSoftmax() {
        var last = List.of(rank() - 1);
        var wide = widened();
        var shifted = wide.sub(wide.reduceMax(-1).expand(shape(), last));
        return shifted.sub(shifted.exp().sum(-1).log().expand(shape(), last)).convert(dtype());
    }

    /** The index of the greatest element along the last axis, the lowest on ties: I32. */
    default Tensor argMax() {
        return then(new Primitive.ArgMax(rank() - 1));
    }

    /** These ids I32[…] as rows [..., classes] with 1 at the id and 0 elsewhere. */
    default Tensor oneHot(int classes, DType dtype) {
        var dims = Arrays.copyOf(shape().dims(), rank() + 1);
        dims[rank()] = classes;
        var type = TensorType.of(DType.I32, dims);
        var hit = iota(type, rank()).eq(expand(type.shape(), List.of(rank())));
        return hit.convert(dtype);
    }
}
