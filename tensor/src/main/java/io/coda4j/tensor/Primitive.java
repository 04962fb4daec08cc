package io.coda4j.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The closed instruction set: every computation of the engine is a sequence of these.
 *
 * <p>A primitive is data. Its record components are its static parameters; tensors are always operands. Here stands
 * the only shape rule of each; its meaning stands in {@code io.coda4j.tensor.cpu.ReferenceKernels} (core) or
 * {@link Decompose} (fused), its gradient in {@code io.coda4j.autograd.Vjp}. Never write {@code default} in a switch
 * over primitives: the compiler then finds every place a new one must be added.
 */
public sealed interface Primitive {
    /**
     * The result types for operands of the given types.
     *
     * @throws ShapeException if the operands do not fit; the message names primitive, rule, operands and axis
     */
    List<TensorType> infer(List<TensorType> in);

    /** The name under which the primitive is printed, such as {@code reduce} or {@code rmsNorm}. */
    default String mnemonic() {
        String name = getClass().getSimpleName();
        return name.substring(0, 1).toLowerCase(Locale.ROOT) + name.substring(1);
    }

    /** Primitives that every device executes. */
    sealed interface Core extends Primitive {}

    /** Core primitives whose result at an index depends on the operands at that index alone; all have one shape. */
    sealed interface Pointwise extends Core {}

    /** Named composites: a device may execute them natively; for all others {@link Decompose} is what they mean. */
    sealed interface Fused extends Primitive {}

    /** Functions of one element. */
    enum UnaryOp {
        NEG,
        EXP,
        LOG,
        SQRT,
        RSQRT,
        LOGISTIC,
        SIN,
        COS,
        /** The nearest whole number, of two equally near the even one. */
        ROUND,
        NOT
    }

    /** Functions of two elements. */
    enum BinaryOp {
        ADD,
        SUB,
        MUL,
        DIV,
        MAX,
        MIN,
        AND,
        OR
    }

    /** Comparisons of two elements. */
    enum CompareOp {
        EQ,
        NE,
        LT,
        LE,
        GT,
        GE
    }

    /** Associative combinations of all elements along some axes. */
    enum ReduceOp {
        SUM,
        MAX,
        MIN
    }

    /** Which keys a query may see, apart from segments. */
    enum AttentionMask {
        /** All keys. */
        FULL,
        /** Keys at or before the query's own position. */
        CAUSAL
    }

    /** How a {@link QuantizedLinear} treats its first operand. */
    enum Activations {
        /** As it is. */
        KEPT,
        /** Each row rounded to 255 evenly spaced values around 0, up to its greatest magnitude. */
        QUANTIZED
    }

    private static String lower(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT);
    }

    /** A tensor of {@code type} with every element equal to {@code value}. */
    record Full(TensorType type, double value) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            Rule.of(mnemonic(), in, 0);
            return List.of(type);
        }
    }

    /** A tensor of {@code type} whose elements are their own index along {@code axis}. */
    record Iota(TensorType type, int axis) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 0);
            rule.axes("axis", List.of(axis), type.rank());
            rule.require(type.dtype() != DType.BOOL, () -> "has no bool form");
            rule.require(type.dtype() != DType.I8, () -> "has no i8 form; convert from i32");
            return List.of(type);
        }
    }

    /** {@code op} applied to each element of one operand; NEG of the least I32 is itself. */
    record Unary(UnaryOp op) implements Pointwise {
        @Override
        public String mnemonic() {
            return lower(op);
        }

        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            switch (op) {
                case NOT -> rule.dtype(0, DType.BOOL);
                case NEG -> {
                    rule.require(rule.operand(0).dtype() != DType.BOOL, () -> "has no bool form; use not");
                    rule.notI8(0);
                }
                case EXP, LOG, SQRT, RSQRT, LOGISTIC, SIN, COS, ROUND -> rule.isFloat(0);
            }
            return List.of(in.getFirst());
        }
    }

    /**
     * {@code op} applied to each pair of elements of two operands of one type. MAX and MIN give NaN where either is NaN,
     * and order -0 before +0. I32 arithmetic wraps; I32 DIV truncates toward zero, x / 0 is -1, and the least integer
     * divided by -1 is itself.
     */
    record Binary(BinaryOp op) implements Pointwise {
        @Override
        public String mnemonic() {
            return lower(op);
        }

        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            rule.sameType(0, 1);
            rule.notI8(0);
            boolean bool = rule.operand(0).dtype() == DType.BOOL;
            switch (op) {
                case AND, OR -> rule.require(bool, () -> "operands must be bool");
                case ADD, SUB, MUL, DIV, MAX, MIN -> rule.require(!bool, () -> "has no bool form");
            }
            return List.of(in.getFirst());
        }
    }

    /** BOOL result of comparing each pair of elements; every comparison with NaN is false except NE. */
    record Compare(CompareOp op) implements Pointwise {
        @Override
        public String mnemonic() {
            return lower(op);
        }

        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            rule.sameType(0, 1);
            rule.notI8(0);
            return List.of(in.getFirst().as(DType.BOOL));
        }
    }

    /** Operands (predicate BOOL, a, b): a where the predicate holds, else b. */
    record Select() implements Pointwise {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 3);
            rule.sameType(1, 2);
            rule.type(0, in.get(1).as(DType.BOOL), "predicate");
            return List.of(in.get(1));
        }
    }

    /**
     * The same elements as {@code dtype}. Float to I32 or I8 truncates toward zero and saturates, as I32 to I8 does, NaN becomes
     * 0; anything to BOOL asks whether it differs from 0; a float of less precision is the nearest one, ties to even, and infinity
     * where it is too large.
     */
    record Convert(DType dtype) implements Pointwise {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            Rule.of(mnemonic(), in, 1);
            return List.of(in.getFirst().as(dtype));
        }
    }

    /** The same elements in row-major order under another shape. */
    record Reshape(Shape dims) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            rule.require(
                    in.getFirst().size() == dims.size(),
                    () -> "element counts differ: " + in.getFirst().size() + " into " + dims);
            return List.of(in.getFirst().with(dims));
        }
    }

    /** Result axis i is operand axis {@code permutation[i]}. */
    record Transpose(List<Integer> permutation) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            var shape = in.getFirst().shape();
            rule.axes("permutation", permutation, shape.rank());
            rule.require(
                    permutation.size() == shape.rank(),
                    () -> "permutation " + permutation + " must name all " + shape.rank() + " axes");
            return List.of(in.getFirst()
                    .with(Shape.of(permutation.stream().mapToInt(shape::dim).toArray())));
        }
    }

    /** Operand axis i becomes result axis {@code axes[i]}; axes of size 1 and all other result axes are repeated. */
    record Broadcast(Shape dims, List<Integer> axes) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            var shape = in.getFirst().shape();
            rule.axes("axes", axes, dims.rank());
            rule.require(axes.size() == shape.rank(), () -> "axes " + axes + " must place every operand axis");
            for (int i = 0; i < axes.size(); i++) {
                int axis = i;
                rule.require(
                        shape.dim(i) == 1 || shape.dim(i) == dims.dim(axes.get(i)),
                        () -> "axis " + axis + " of size " + shape.dim(axis) + " cannot become axis " + axes.get(axis)
                                + " of " + dims);
                rule.require(axis == 0 || axes.get(axis - 1) < axes.get(axis), () -> "axes " + axes + " must ascend");
            }
            return List.of(in.getFirst().with(dims));
        }
    }

    /** The elements {@code starts[i] <= index < limits[i]} along each axis i. */
    record Slice(List<Integer> starts, List<Integer> limits) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            var shape = in.getFirst().shape();
            rule.require(
                    starts.size() == shape.rank() && limits.size() == shape.rank(),
                    () -> "starts " + starts + " and limits " + limits + " must name all " + shape.rank() + " axes");
            int[] dims = new int[shape.rank()];
            for (int i = 0; i < dims.length; i++) {
                int axis = i;
                rule.require(
                        0 <= starts.get(i) && starts.get(i) <= limits.get(i) && limits.get(i) <= shape.dim(i),
                        () -> "axis " + axis + ": [" + starts.get(axis) + ", " + limits.get(axis) + ") is outside 0.."
                                + shape.dim(axis));
                dims[i] = limits.get(i) - starts.get(i);
            }
            return List.of(in.getFirst().with(Shape.of(dims)));
        }
    }

    /** The operand with {@code low[i]} zeros before and {@code high[i]} zeros after it along each axis i. */
    record Pad(List<Integer> low, List<Integer> high) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            var shape = in.getFirst().shape();
            rule.require(
                    low.size() == shape.rank() && high.size() == shape.rank(),
                    () -> "low " + low + " and high " + high + " must name all " + shape.rank() + " axes");
            int[] dims = new int[shape.rank()];
            for (int i = 0; i < dims.length; i++) {
                int axis = i;
                rule.require(
                        low.get(i) >= 0 && high.get(i) >= 0, () -> "axis " + axis + ": padding must not be negative");
                dims[i] = rule.dim(axis, (long) shape.dim(i) + low.get(i) + high.get(i));
            }
            return List.of(in.getFirst().with(Shape.of(dims)));
        }
    }

    /** The operands, one after the other along {@code axis}. */
    record Concat(int axis) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = new Rule(mnemonic(), in);
            rule.require(!in.isEmpty(), () -> "takes at least one operand");
            var first = in.getFirst();
            rule.axes("axis", List.of(axis), first.rank());
            long sum = 0;
            for (var type : in) {
                rule.require(
                        type.rank() == first.rank()
                                && type.as(first.dtype()).equals(type)
                                && type.shape()
                                        .with(axis, 0)
                                        .equals(first.shape().with(axis, 0)),
                        () -> "operands may differ only along axis " + axis);
                sum += type.dim(axis);
            }
            return List.of(first.with(first.shape().with(axis, rule.dim(axis, sum))));
        }
    }

    /**
     * {@code op} over all elements along {@code axes}, which disappear. Of no elements the SUM is 0, the MAX the least
     * value of the type (-infinity) and the MIN the greatest. I32 sums wrap.
     */
    record Reduce(ReduceOp op, List<Integer> axes) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            rule.axes("axes", axes, in.getFirst().rank());
            rule.require(in.getFirst().dtype() != DType.BOOL, () -> "has no bool form; convert to i32 first");
            rule.notI8(0);
            return List.of(in.getFirst().with(in.getFirst().shape().without(axes)));
        }
    }

    /**
     * Sums of products over the contracted axes, separately for each index of the batch axes. Result axes: batch, then
     * free axes of the left, then free axes of the right operand.
     *
     * @param accumulate the type of the sums and of the result: F32 for F16, BF16 and F32 operands, of which one may be F32
     *     beside another type, F64 for F64, I32 for I8, whose sums wrap
     */
    record Dot(
            List<Integer> lhsBatch,
            List<Integer> rhsBatch,
            List<Integer> lhsContract,
            List<Integer> rhsContract,
            DType accumulate)
            implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            var lhs = in.get(0);
            var rhs = in.get(1);
            boolean isI8 = lhs.dtype() == DType.I8 && rhs.dtype() == DType.I8;
            if (!isI8) {
                rule.isFloat(0);
                rule.isFloat(1);
            }
            rule.require(
                    lhs.dtype() == rhs.dtype()
                            || lhs.dtype() == rhs.dtype().accumulator()
                            || rhs.dtype() == lhs.dtype().accumulator(),
                    () -> "element types must be equal, or f32 beside f16 or bf16");
            rule.require(
                    accumulate == lhs.dtype().accumulator(),
                    () -> "accumulates " + lhs.dtype() + " products in "
                            + lhs.dtype().accumulator() + ", not " + accumulate);
            rule.axes("lhs batch and contracting axes", concat(lhsBatch, lhsContract), lhs.rank());
            rule.axes("rhs batch and contracting axes", concat(rhsBatch, rhsContract), rhs.rank());
            agree(rule, "batch", lhsBatch, rhsBatch);
            agree(rule, "contracting", lhsContract, rhsContract);
            var dims = new ArrayList<Integer>();
            lhsBatch.forEach(axis -> dims.add(lhs.dim(axis)));
            lhs.shape().axesExcept(lhsBatch, lhsContract).forEach(axis -> dims.add(lhs.dim(axis)));
            rhs.shape().axesExcept(rhsBatch, rhsContract).forEach(axis -> dims.add(rhs.dim(axis)));
            return List.of(new TensorType(accumulate, Shape.of(dims)));
        }

        private static void agree(Rule rule, String kind, List<Integer> left, List<Integer> right) {
            rule.require(
                    left.size() == right.size(), () -> kind + " axes differ in number: lhs " + left + ", rhs " + right);
            for (int i = 0; i < left.size(); i++) {
                int l = left.get(i);
                int r = right.get(i);
                rule.require(
                        rule.operand(0).dim(l) == rule.operand(1).dim(r),
                        () -> kind + " axes differ: lhs axis " + l + " = "
                                + rule.operand(0).dim(l) + ", rhs axis " + r + " = "
                                + rule.operand(1).dim(r));
            }
        }

        private static List<Integer> concat(List<Integer> a, List<Integer> b) {
            var all = new ArrayList<>(a);
            all.addAll(b);
            return all;
        }
    }

    /**
     * Operands (table[V,…], ids I32[…]): the rows of the table at the ids, shaped ids dims then table dims[1:]. An id
     * outside 0..V-1 is an error where the device can tell.
     */
    record TakeRows() implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            rule.dtype(1, DType.I32);
            rule.require(in.get(0).rank() >= 1, () -> "the table must have at least one axis");
            var dims = new ArrayList<>(in.get(1).shape().toList());
            dims.addAll(in.get(0).shape().toList().subList(1, in.get(0).rank()));
            return List.of(in.get(0).with(Shape.of(dims)));
        }
    }

    /**
     * Operands (ids I32[…], updates[ids dims…, tail…]): zeros[rows, tail…] to which each update is added at the row of
     * its id, in the order of the ids.
     */
    record ScatterAddRows(int rows) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            rule.dtype(0, DType.I32);
            rule.isFloat(1);
            var ids = in.get(0).shape().toList();
            var updates = in.get(1).shape().toList();
            rule.require(
                    updates.size() >= ids.size()
                            && updates.subList(0, ids.size()).equals(ids),
                    () -> "the leading axes of the updates must be those of the ids");
            var dims = new ArrayList<Integer>();
            dims.add(rows);
            dims.addAll(updates.subList(ids.size(), updates.size()));
            return List.of(in.get(1).with(Shape.of(dims)));
        }
    }

    /** Operands (x, start I32[]): {@code size} elements of x along {@code axis} from start, clamped to fit. */
    record DynamicSlice(int axis, int size) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            rule.type(1, TensorType.i32(), "start");
            rule.axes("axis", List.of(axis), in.getFirst().rank());
            rule.require(
                    0 <= size && size <= in.getFirst().dim(axis),
                    () -> "size " + size + " does not fit axis " + axis + " = "
                            + in.getFirst().dim(axis));
            return List.of(in.getFirst().with(in.getFirst().shape().with(axis, size)));
        }
    }

    /** Operands (x, update, start I32[]): x with the update written along {@code axis} from start, clamped to fit. */
    record DynamicUpdateSlice(int axis) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 3);
            var x = in.get(0);
            var update = in.get(1);
            rule.type(2, TensorType.i32(), "start");
            rule.axes("axis", List.of(axis), x.rank());
            rule.require(
                    update.rank() == x.rank()
                            && update.dim(axis) <= x.dim(axis)
                            && update.with(update.shape().with(axis, x.dim(axis)))
                                    .equals(x),
                    () -> "the update may be shorter than operand 0 along axis " + axis + " and must else equal it");
            return List.of(x);
        }
    }

    /** Identity on all operands that carries meaning for one interpreter or device. */
    record Annotate(Note note) implements Core {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            new Rule(mnemonic(), in).require(!in.isEmpty(), () -> "takes at least one operand");
            return List.copyOf(in);
        }
    }

    /** What an {@link Annotate} says. */
    sealed interface Note {
        /** No value computed after may be computed before: ties recomputation to the cotangents that ask for it. */
        record Barrier() implements Note {}

        /** The gradient ends here. */
        record StopGradient() implements Note {}

        /**
         * The placement of each axis over named mesh axes.
         *
         * @param axes the split of the value; see {@link io.coda4j.tensor.spi.Mesh}
         */
        record Sharding(List<String> axes) implements Note {}
    }

    /** Operands (x[…,D], weight[D]): x * rsqrt(mean(x^2) + eps) * weight along the last axis. */
    record RmsNorm(double eps) implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            normOperands(rule);
            return List.of(in.getFirst());
        }

        static void normOperands(Rule rule) {
            rule.isFloat(0);
            var x = rule.operand(0);
            rule.require(x.rank() >= 1, () -> "operand 0 must have at least one axis");
            rule.type(1, x.with(Shape.of(x.dim(-1))), "weight");
        }
    }

    /** Operands (x[…,D], weight[D], g[…,D]): the cotangents (dx, dweight) of {@link RmsNorm}. */
    record RmsNormGrad(double eps) implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 3);
            RmsNorm.normOperands(rule);
            rule.sameType(0, 2);
            return List.of(in.get(0), in.get(1));
        }
    }

    /**
     * Operands (x[B,T,H,D], positions I32[T]): rotary position embedding. Element pairs (i, i + D/2) are rotated by
     * position * theta^(-2i/D).
     *
     * @param inverse rotate backwards; the gradient of one direction is the other
     */
    record Rope(double theta, boolean inverse) implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            rule.isFloat(0);
            rule.rank(0, 4, "[B,T,H,D]");
            rule.require(in.getFirst().dim(3) % 2 == 0, () -> "the last axis of operand 0 must be even");
            rule.type(1, TensorType.i32(in.getFirst().dim(1)), "positions");
            return List.of(in.getFirst());
        }
    }

    /** exp(x) over its sum, along the last axis. */
    record Softmax() implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            rule.isFloat(0);
            rule.require(rule.operand(0).rank() > 0, () -> "the operand must have an axis, got " + in.getFirst());
            return List.of(in.getFirst());
        }
    }

    /** Operands (gate, up) of one type: gate * logistic(gate) * up. */
    record SwiGlu() implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            rule.isFloat(0);
            rule.sameType(0, 1);
            return List.of(in.getFirst());
        }
    }

    /** Operands (gate, up, g) of one type: the cotangents (dgate, dup) of {@link SwiGlu}. */
    record SwiGluGrad() implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 3);
            rule.isFloat(0);
            rule.sameType(0, 1, 2);
            return List.of(in.get(0), in.get(1));
        }
    }

    /**
     * Grouped-query attention over operands (q[B,T,H,D], k[B,S,K,D], v[B,S,K,D], querySegments I32[B,T], keySegments
     * I32[B,S], queryStart I32[]). Query head h reads key head h / (H/K). A key is visible when its segment equals the
     * query's and, for {@code CAUSAL}, its index is at most queryStart + t. Results: out[B,T,H,D] and
     * logSumExp[B,H,T] of the visible scaled scores; a query that sees nothing gives 0 and -infinity.
     *
     * @param scale factor on the scores, usually 1/sqrt(D)
     */
    record Attention(double scale, AttentionMask mask) implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 6);
            attentionOperands(rule);
            return List.of(in.getFirst(), logSumExp(in.getFirst()));
        }

        static TensorType logSumExp(TensorType q) {
            return TensorType.of(q.dtype().accumulator(), q.dim(0), q.dim(2), q.dim(1));
        }

        static void attentionOperands(Rule rule) {
            rule.isFloat(0);
            rule.rank(0, 4, "[B,T,H,D]");
            rule.rank(1, 4, "[B,S,K,D]");
            rule.sameType(1, 2);
            var q = rule.operand(0);
            var k = rule.operand(1);
            rule.require(
                    q.dtype() == k.dtype() && q.dim(0) == k.dim(0) && q.dim(3) == k.dim(3),
                    () -> "queries and keys must agree in element type, batch (axis 0) and head size (axis 3)");
            rule.require(
                    k.dim(2) > 0 && q.dim(2) % k.dim(2) == 0,
                    () -> "query heads (axis 2 = " + q.dim(2) + ") must be a multiple of key heads (axis 2 = "
                            + k.dim(2) + ")");
            rule.type(3, TensorType.i32(q.dim(0), q.dim(1)), "query segments");
            rule.type(4, TensorType.i32(k.dim(0), k.dim(1)), "key segments");
            rule.type(5, TensorType.i32(), "query start");
        }
    }

    /**
     * Operands of {@link Attention}, then (out, logSumExp, g[B,T,H,D]): the cotangents (dq, dk, dv) for the cotangent g
     * of out.
     */
    record AttentionGrad(double scale, AttentionMask mask) implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 9);
            Attention.attentionOperands(rule);
            rule.sameType(0, 6, 8);
            rule.type(7, Attention.logSumExp(in.getFirst()), "log-sum-exp");
            return List.of(in.get(0), in.get(1), in.get(2));
        }
    }

    /**
     * Operands (logits[N,V], targets I32[N]): loss[N] = logSumExp - logits[target], and logSumExp[N]. Targets lie in
     * 0..V-1.
     */
    record CrossEntropy() implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 2);
            logitsAndTargets(rule);
            var row = rowType(in.getFirst());
            return List.of(row, row);
        }

        static TensorType rowType(TensorType logits) {
            return TensorType.of(logits.dtype().accumulator(), logits.dim(0));
        }

        static void logitsAndTargets(Rule rule) {
            rule.isFloat(0);
            rule.rank(0, 2, "[N,V]");
            rule.type(1, TensorType.i32(rule.operand(0).dim(0)), "targets");
        }
    }

    /** Operands (logits[N,V], targets I32[N], logSumExp[N], g[N]): (exp(logits - logSumExp) - onehot) * g. */
    record CrossEntropyGrad() implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 4);
            CrossEntropy.logitsAndTargets(rule);
            rule.type(2, CrossEntropy.rowType(in.getFirst()), "log-sum-exp");
            rule.type(3, CrossEntropy.rowType(in.getFirst()), "cotangent of the loss");
            return List.of(in.getFirst());
        }
    }

    /** The I32 index of the greatest element along {@code axis}, which disappears; the lowest index wins ties. */
    record ArgMax(int axis) implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 1);
            rule.axes("axis", List.of(axis), in.getFirst().rank());
            rule.require(in.getFirst().dtype() != DType.BOOL, () -> "has no bool form");
            rule.notI8(0);
            rule.require(in.getFirst().dim(axis) > 0, () -> "axis " + axis + " must not be empty");
            return List.of(in.getFirst()
                    .with(in.getFirst().shape().without(List.of(axis)))
                    .as(DType.I32));
        }
    }

    /**
     * Operands (x[…,K], weight I8[N,K], scale[N] in the accumulator type of x): y[…,N] in that type, y[n] = scale[n] * sum over k
     * of x[k] * weight[n,k], the product with a weight that was rounded to whole multiples of a scale for each output.
     *
     * <p>With {@link Activations#QUANTIZED} the step of each row is max|x| / 127, but 2^-100 at least, and its elements are
     * divided by the step and rounded to the nearest whole number, ties to even. Their sum with the weight is exact, and y[n] =
     * sum * step * scale[n]. A row that is not finite has results that are not.
     */
    record QuantizedLinear(Activations activations) implements Fused {
        /** The largest K whose sums cannot leave I32: 2^17 * 127 * 128 is less than 2^31. */
        public static final int MAX_DEPTH = 1 << 17;

        /** The largest quantised value. */
        public static final int LEVELS = 127;

        /** The least step: rows of zeros have no other, and no quotient overflows. */
        public static final float LEAST_STEP = 0x1p-100f;

        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 3);
            var x = in.get(0);
            var weight = in.get(1);
            rule.isFloat(0);
            rule.require(x.rank() >= 1, () -> "operand 0 must have at least one axis");
            rule.dtype(1, DType.I8);
            rule.rank(1, 2, "[N,K]");
            rule.require(
                    x.dim(-1) == weight.dim(1),
                    () -> "the last axis of operand 0 is " + x.dim(-1) + ", that of the weight " + weight.dim(1));
            rule.require(
                    weight.dim(1) <= MAX_DEPTH,
                    () -> "K is at most " + MAX_DEPTH + ", so that sums fit into i32; got " + weight.dim(1));
            var sum = x.dtype().accumulator();
            rule.type(2, TensorType.of(sum, weight.dim(0)), "scale");
            return List.of(x.as(sum).with(x.shape().with(x.rank() - 1, weight.dim(0))));
        }
    }

    /**
     * One AdamW update of one parameter. Operands (p, m, v, g) of one type and scalars (rate, decay, correction1,
     * correction2) of its element type; results (p', m', v'):
     *
     * <pre>
     * m' = beta1*m + (1-beta1)*g
     * v' = beta2*v + (1-beta2)*g^2
     * p' = p - rate*decay*p - rate * (m'*correction1) / (sqrt(v'*correction2) + eps)
     * </pre>
     *
     * with correction_i = 1/(1 - beta_i^t) at step t counted from 1 (Loshchilov and Hutter 2019, algorithm 2).
     */
    record AdamW(double beta1, double beta2, double eps) implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var rule = Rule.of(mnemonic(), in, 8);
            rule.isFloat(0);
            rule.sameType(0, 1, 2, 3);
            var scalar = TensorType.of(in.getFirst().dtype());
            rule.type(4, scalar, "rate");
            rule.type(5, scalar, "decay");
            rule.type(6, scalar, "correction of the first moment");
            rule.type(7, scalar, "correction of the second moment");
            return List.of(in.get(0), in.get(1), in.get(2));
        }
    }

    /**
     * One Adafactor update of one parameter, without momentum (Shazeer and Stern 2018, algorithms 4 and 5). Factored, of
     * matrices along the last two axes: operands (p[…,R,C], rows[…,R], columns[…,C], g[…,R,C]) and results (p', rows',
     * columns'). Otherwise operands (p, v, g) of one type and results (p', v'). Then scalars (rate, decay, rho, fresh) of
     * the element type:
     *
     * <pre>
     * rows'    = rho*rows    + fresh * mean over columns of (g^2 + eps)
     * columns' = rho*columns + fresh * mean over rows    of (g^2 + eps)
     * v'       = rows' columns' / mean(rows')                               or rho*v + fresh * (g^2 + eps)
     * u        = g / sqrt(v')
     * p'       = p - rate*decay*p - rate * u / max(1, rms(u) / clipThreshold)
     * </pre>
     *
     * @param eps added to squared gradients
     * @param clipThreshold largest root mean square of an update u
     * @param isFactored whether the second moments are kept as means of rows and columns
     * @param isStack whether each slice along the first axis is a parameter of its own, whose update is clipped apart
     */
    record Adafactor(double eps, double clipThreshold, boolean isFactored, boolean isStack) implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            int moments = moments();
            var rule = Rule.of(mnemonic(), in, moments + 6);
            var p = rule.operand(0);
            rule.isFloat(0);
            rule.require(
                    p.rank() >= (isFactored ? 2 : 0) + (isStack ? 1 : 0),
                    () -> "operand 0 must have at least the axes of " + (isStack ? "a stack of " : "")
                            + (isFactored ? "matrices" : "tensors"));
            rule.sameType(0, moments + 1);
            if (isFactored) {
                rule.type(1, p.with(p.shape().without(List.of(p.rank() - 1))), "second moments of rows");
                rule.type(2, p.with(p.shape().without(List.of(p.rank() - 2))), "second moments of columns");
            } else {
                rule.sameType(0, 1);
            }
            var names = List.of("rate", "decay", "share of the old moments", "share of the new squares");
            for (int i = 0; i < names.size(); i++) {
                rule.type(moments + 2 + i, TensorType.of(p.dtype()), names.get(i));
            }
            return List.copyOf(in.subList(0, moments + 1));
        }

        /** Tensors of state. */
        private int moments() {
            return isFactored ? 2 : 1;
        }
    }

    /**
     * A loop of {@code length} steps, each of which runs {@code body}. It means the steps one after the other; a device
     * that has loops compiles the body once.
     *
     * <p>Operands: carries, constants, then stacks [length,…]. In each step the body's parameters are the carries as the
     * step before left them, the constants, and the step's slice of each stack, without its first axis. The body's
     * results are the new carries, then the step's slice of each output. Results: the last carries, then the outputs,
     * stacked [length,…].
     *
     * @param carries how many values go from step to step
     * @param constants how many operands every step sees whole
     * @param reverse whether the steps go from the last slice to the first
     * @param checkpoint whether the backward pass computes each step again from its carries, instead of keeping what it
     *     needs of every step in stacks
     */
    record Scan(Program body, int length, int carries, int constants, boolean reverse, boolean checkpoint)
            implements Fused {
        @Override
        public List<TensorType> infer(List<TensorType> in) {
            var params = body.params().stream().map(Symbol::type).toList();
            var rule = Rule.of(mnemonic(), in, params.size());
            rule.require(length >= 1, () -> "takes at least one step, got " + length);
            rule.require(
                    carries >= 0 && constants >= 0 && carries + constants <= params.size(),
                    () -> "has " + carries + " carries and " + constants + " constants of " + params.size()
                            + " parameters");
            for (int i = 0; i < carries + constants; i++) {
                rule.type(i, params.get(i), i < carries ? "carry" : "constant");
            }
            for (int i = carries + constants; i < params.size(); i++) {
                rule.type(i, stack(params.get(i)), "stack of " + length);
            }
            return results(rule);
        }

        private List<TensorType> results(Rule rule) {
            var results = body.results().stream().map(Tensor::type).toList();
            rule.require(
                    results.size() >= carries, () -> "body gives " + results.size() + " of " + carries + " carries");
            var types = new ArrayList<TensorType>();
            for (int i = 0; i < results.size(); i++) {
                int index = i;
                rule.require(
                        i >= carries || results.get(i).equals(rule.operand(i)),
                        () -> "carry " + index + " must keep its type; the body makes it " + results.get(index));
                types.add(i < carries ? results.get(i) : stack(results.get(i)));
            }
            return List.copyOf(types);
        }

        /** The type of {@code length} values of {@code slice}, stacked along a new first axis. */
        private TensorType stack(TensorType slice) {
            var dims = new ArrayList<Integer>();
            dims.add(length);
            dims.addAll(slice.shape().toList());
            return slice.with(Shape.of(dims));
        }
    }
}
