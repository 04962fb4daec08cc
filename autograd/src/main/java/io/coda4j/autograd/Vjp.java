package io.coda4j.autograd;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Decompose;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The gradient of every primitive, on one page: the cotangents of the operands from those of the results.
 *
 * <p>{@code g} is the cotangent, {@code x} and {@code b} the operands, {@code y} the result. Null means that no
 * gradient flows. A fused primitive is differentiated through its meaning unless a rule names a fused gradient.
 */
final class Vjp {
    private Vjp() {}

    /** The cotangents of {@code in}, given those of {@code out}, at least one of which is not null. */
    static List<@Nullable Tensor> rule(
            Primitive prim, List<Tensor> in, List<Tensor> out, List<@Nullable Tensor> cotangents) {
        return switch (prim) {
            case Primitive.Core core -> core(core, in, out, cotangents);
            case Primitive.Fused fused -> fused(fused, in, out, cotangents);
        };
    }

    private static List<@Nullable Tensor> core(
            Primitive.Core prim, List<Tensor> in, List<Tensor> out, List<@Nullable Tensor> cotangents) {
        if (prim instanceof Primitive.Annotate(var note)) {
            return annotate(note, cotangents);
        }
        var g = cotangents.getFirst();
        var y = out.getFirst();
        if (g == null || in.isEmpty()) {
            return none(in.size());
        }
        var x = in.getFirst();
        return switch (prim) {
            case Primitive.Full _, Primitive.Iota _, Primitive.Compare _, Primitive.Annotate _ -> none(in.size());
            case Primitive.Unary(var op) -> one(unary(op, g, x, y));
            case Primitive.Binary(var op) -> binary(op, g, x, in.get(1), y);
            case Primitive.Select() -> list(null, x.select(g, g.like(0)), x.select(g.like(0), g));
            case Primitive.Convert _ -> one(x.dtype().isFloat() ? g.convert(x.dtype()) : null);
            case Primitive.Reshape _ -> one(g.reshape(x.shape()));
            case Primitive.Transpose(var permutation) -> one(g.transpose(inverse(permutation)));
            case Primitive.Broadcast(var _, var axes) -> one(unbroadcast(g, x, axes));
            case Primitive.Slice(var starts, var limits) ->
                one(g.then(new Primitive.Pad(starts, minus(x.shape().toList(), limits))));
            case Primitive.Pad(var low, var _) ->
                one(g.then(new Primitive.Slice(low, plus(low, x.shape().toList()))));
            case Primitive.Concat(int axis) -> split(g, axis, in);
            case Primitive.Reduce(var op, var axes) -> one(reduce(op, axes, g, x, y));
            case Primitive.Dot dot -> list(dotLhs(dot, g, x, in.get(1)), dotRhs(dot, g, x, in.get(1)));
            case Primitive.TakeRows() -> list(in.get(1).scatterAddRows(x.dim(0), g), null);
            case Primitive.ScatterAddRows _ -> list(null, g.takeRows(x));
            case Primitive.DynamicSlice(int axis, var _) ->
                list(x.like(0).dynamicUpdateSlice(axis, g, in.get(1)), null);
            case Primitive.DynamicUpdateSlice(int axis) -> {
                var update = in.get(1);
                yield list(
                        g.dynamicUpdateSlice(axis, update.like(0), in.get(2)),
                        g.dynamicSlice(axis, update.dim(axis), in.get(2)),
                        null);
            }
        };
    }

    private static @Nullable Tensor unary(UnaryOp op, Tensor g, Tensor x, Tensor y) {
        return switch (op) {
            case NEG -> g.neg();
            case EXP -> g.mul(y);
            case LOG -> g.div(x);
            case SQRT -> g.mul(0.5).div(y);
            case RSQRT -> g.mul(-0.5).mul(y).mul(y).mul(y);
            case LOGISTIC -> g.mul(y).mul(y.neg().add(1));
            case SIN -> g.mul(x.cos());
            case COS -> g.mul(x.sin()).neg();
            case ROUND, NOT -> null;
        };
    }

    private static List<@Nullable Tensor> binary(BinaryOp op, Tensor g, Tensor x, Tensor b, Tensor y) {
        return switch (op) {
            case ADD -> list(g, g);
            case SUB -> list(g, g.neg());
            case MUL -> list(g.mul(b), g.mul(x));
            case DIV -> list(g.div(b), g.mul(y).div(b).neg());
            case MAX -> choose(g, x.gt(b), x.eq(b));
            case MIN -> choose(g, x.lt(b), x.eq(b));
            case AND, OR -> none(2);
        };
    }

    /** The cotangent to the chosen operand, half to each where they tie. */
    private static List<@Nullable Tensor> choose(Tensor g, Tensor first, Tensor tie) {
        var half = g.mul(0.5);
        var zero = g.like(0);
        return list(tie.select(half, first.select(g, zero)), tie.select(half, first.select(zero, g)));
    }

    /** Sums over the axes that a broadcast of {@code x} added or repeated. */
    private static Tensor unbroadcast(Tensor g, Tensor x, List<Integer> axes) {
        var repeated = IntStream.range(0, g.rank())
                .filter(axis -> {
                    int from = axes.indexOf(axis);
                    return from < 0 || x.dim(from) == 1 && g.dim(axis) != 1;
                })
                .toArray();
        return g.sum(repeated).reshape(x.shape());
    }

    private static List<@Nullable Tensor> split(Tensor g, int axis, List<Tensor> in) {
        var parts = new ArrayList<@Nullable Tensor>();
        int at = 0;
        for (var operand : in) {
            parts.add(g.slice(axis, at, at + operand.dim(axis)));
            at += operand.dim(axis);
        }
        return parts;
    }

    private static Tensor reduce(ReduceOp op, List<Integer> axes, Tensor g, Tensor x, Tensor y) {
        return switch (op) {
            case SUM -> g.expand(x.shape(), axes);
            case MAX, MIN -> {
                // Elements that tie share the cotangent equally.
                var hit = x.eq(y.expand(x.shape(), axes)).select(x.like(1), x.like(0));
                yield hit.mul(g.div(hit.sum(axes)).expand(x.shape(), axes));
            }
        };
    }

    /** g[batch, m, n] with b: contract n, giving [batch, m, contracted], in the order of x's axes. */
    private static Tensor dotLhs(Primitive.Dot dot, Tensor g, Tensor x, Tensor b) {
        int batch = dot.lhsBatch().size();
        var free = x.shape().axesExcept(dot.lhsBatch(), dot.lhsContract());
        var otherFree = b.shape().axesExcept(dot.rhsBatch(), dot.rhsContract());
        int start = batch + free.size();
        var product = g.convert(factor(x, b))
                .dot(b, range(0, batch), dot.rhsBatch(), range(start, start + otherFree.size()), otherFree);
        return arrange(product, x, dot.lhsBatch(), free, dot.lhsContract(), dot.rhsContract());
    }

    /** g[batch, m, n] with x: contract m, giving [batch, n, contracted], in the order of b's axes. */
    private static Tensor dotRhs(Primitive.Dot dot, Tensor g, Tensor x, Tensor b) {
        int batch = dot.rhsBatch().size();
        var free = b.shape().axesExcept(dot.rhsBatch(), dot.rhsContract());
        var otherFree = x.shape().axesExcept(dot.lhsBatch(), dot.lhsContract());
        var product = g.convert(factor(x, b))
                .dot(x, range(0, batch), dot.lhsBatch(), range(batch, batch + otherFree.size()), otherFree);
        return arrange(product, b, dot.rhsBatch(), free, dot.rhsContract(), dot.lhsContract());
    }

    /** The type in which a cotangent is multiplied: that of the operands, the wider one where they differ. */
    private static DType factor(Tensor x, Tensor b) {
        return x.dtype() == b.dtype() ? x.dtype() : x.dtype().accumulator();
    }

    /**
     * Brings {@code product}, whose axes are batch, free, then the contracted axes in the other operand's order, into
     * the axis order and element type of {@code like}.
     */
    private static Tensor arrange(
            Tensor product,
            Tensor like,
            List<Integer> batch,
            List<Integer> free,
            List<Integer> contract,
            List<Integer> otherContract) {
        var ordered = otherContract.stream().sorted().toList();
        var permutation = new Integer[like.rank()];
        for (int i = 0; i < batch.size(); i++) {
            permutation[batch.get(i)] = i;
        }
        for (int i = 0; i < free.size(); i++) {
            permutation[free.get(i)] = batch.size() + i;
        }
        for (int i = 0; i < contract.size(); i++) {
            permutation[contract.get(i)] = batch.size() + free.size() + ordered.indexOf(otherContract.get(i));
        }
        return product.transpose(List.of(permutation)).convert(like.dtype());
    }

    private static List<@Nullable Tensor> annotate(Primitive.Note note, List<@Nullable Tensor> cotangents) {
        return switch (note) {
            case Primitive.Note.StopGradient _ -> none(cotangents.size());
            case Primitive.Note.Barrier _ -> cotangents;
            case Primitive.Note.Sharding sharding -> {
                var constrained = new ArrayList<@Nullable Tensor>();
                cotangents.forEach(g -> constrained.add(g == null ? null : g.annotate(sharding)));
                yield constrained;
            }
        };
    }

    private static List<@Nullable Tensor> fused(
            Primitive.Fused prim, List<Tensor> in, List<Tensor> out, List<@Nullable Tensor> cotangents) {
        var g = cotangents.getFirst();
        return switch (prim) {
            case Primitive.RmsNorm(double eps) when g != null -> apply(new Primitive.RmsNormGrad(eps), in, g);
            case Primitive.Rope(double theta, boolean inverse)
            when g != null -> list(g.then(new Primitive.Rope(theta, !inverse), in.get(1)), null);
            case Primitive.Softmax() when g != null -> list(softmax(out.getFirst(), g));
            case Primitive.SwiGlu() when g != null -> apply(new Primitive.SwiGluGrad(), in, g);
            // The fused gradients of attention and cross-entropy know no cotangent of the log-sum-exp.
            case Primitive.Attention(double scale, var mask)
            when g != null && cotangents.get(1) == null ->
                attention(new Primitive.AttentionGrad(scale, mask), in, out, g);
            case Primitive.CrossEntropy()
            when g != null && cotangents.get(1) == null ->
                list(in.get(0).then(new Primitive.CrossEntropyGrad(), in.get(1), out.get(1), g), null);
            case Primitive.ArgMax _ -> none(in.size());
            case Primitive.RmsNorm _,
                    Primitive.RmsNormGrad _,
                    Primitive.Rope _,
                    Primitive.Softmax _,
                    Primitive.SwiGlu _,
                    Primitive.SwiGluGrad _,
                    Primitive.Attention _,
                    Primitive.AttentionGrad _,
                    Primitive.CrossEntropy _,
                    Primitive.CrossEntropyGrad _,
                    // A tape differentiates a loop by another loop, see ScanGradient; step by step it comes to the
                    // same.
                    Primitive.Scan _,
                    Primitive.QuantizedLinear _,
                    Primitive.AdamW _,
                    Primitive.Adafactor _ -> throughMeaning(prim, in, cotangents);
        };
    }

    /** Of probabilities y: y (g - sum g y), the sum along the last axis. Narrow types are computed in F32. */
    private static Tensor softmax(Tensor y, Tensor g) {
        var wide = y.convert(y.dtype().accumulator());
        var slope = g.convert(wide.dtype());
        var mean = slope.mul(wide).sum(-1).expand(y.shape(), List.of(y.rank() - 1));
        return wide.mul(slope.sub(mean)).convert(y.dtype());
    }

    private static List<@Nullable Tensor> attention(
            Primitive.AttentionGrad gradient, List<Tensor> in, List<Tensor> out, Tensor g) {
        var operands = new ArrayList<>(in);
        operands.addAll(out);
        var flowing = new ArrayList<@Nullable Tensor>(apply(gradient, operands, g));
        flowing.addAll(none(3));
        return flowing;
    }

    private static List<@Nullable Tensor> apply(Primitive prim, List<Tensor> in, Tensor g) {
        var operands = new ArrayList<>(in);
        operands.add(g);
        return new ArrayList<>(Tensor.apply(prim, operands.toArray(Tensor[]::new)));
    }

    /** The gradient of a fused primitive as the gradient of the core primitives that it means. */
    static List<@Nullable Tensor> throughMeaning(
            Primitive.Fused prim, List<Tensor> in, List<@Nullable Tensor> cotangents) {
        var gradients = Autograd.vjp(operands -> Decompose.apply(prim, operands), in, cotangents);
        var flowing = new ArrayList<@Nullable Tensor>();
        for (int i = 0; i < in.size(); i++) {
            flowing.add(in.get(i).dtype().isFloat() ? gradients.get(i) : null);
        }
        return flowing;
    }

    private static List<Integer> inverse(List<Integer> permutation) {
        return IntStream.range(0, permutation.size())
                .map(permutation::indexOf)
                .boxed()
                .toList();
    }

    private static List<Integer> range(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    private static List<Integer> plus(List<Integer> a, List<Integer> b) {
        return IntStream.range(0, a.size()).mapToObj(i -> a.get(i) + b.get(i)).toList();
    }

    private static List<Integer> minus(List<Integer> a, List<Integer> b) {
        return IntStream.range(0, a.size()).mapToObj(i -> a.get(i) - b.get(i)).toList();
    }

    private static List<@Nullable Tensor> none(int count) {
        return Collections.nCopies(count, null);
    }

    private static List<@Nullable Tensor> one(@Nullable Tensor g) {
        return Collections.singletonList(g);
    }

    private static List<@Nullable Tensor> list(@Nullable Tensor... gs) {
        return Arrays.asList(gs);
    }
}
