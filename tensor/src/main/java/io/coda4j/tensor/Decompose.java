package io.coda4j.tensor;

import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Primitive.QuantizedLinear;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The meaning of every fused primitive, written in core primitives.
 *
 * <p>Devices without a kernel run this; fused kernels are tested against it; gradients are derived from it unless
 * {@code Vjp} names a fused one. F16 and BF16 operands are computed in F32 inside; operands of products stay narrow, and
 * their sums are F32.
 */
public final class Decompose {
    private static final List<Integer> BATCH_AND_HEAD = List.of(0, 1);

    private Decompose() {}

    /** Applies {@code prim} as core primitives under the current interpreter. */
    public static List<Tensor> apply(Primitive.Fused prim, List<Tensor> in) {
        return switch (prim) {
            case Primitive.RmsNorm(double eps) -> List.of(rmsNorm(eps, in.get(0), in.get(1)));
            case Primitive.RmsNormGrad(double eps) -> rmsNormGrad(eps, in.get(0), in.get(1), in.get(2));
            case Primitive.Rope(double theta, boolean inverse) -> List.of(rope(theta, inverse, in.get(0), in.get(1)));
            case Primitive.Softmax() -> List.of(softmax(in.getFirst()));
            case Primitive.SwiGlu() -> List.of(swiGlu(in.get(0), in.get(1)));
            case Primitive.SwiGluGrad() -> swiGluGrad(in.get(0), in.get(1), in.get(2));
            case Primitive.Attention(double scale, AttentionMask mask) -> attention(scale, mask, in);
            case Primitive.AttentionGrad(double scale, AttentionMask mask) -> attentionGrad(scale, mask, in);
            case Primitive.CrossEntropy() -> crossEntropy(in.get(0), in.get(1));
            case Primitive.CrossEntropyGrad() -> List.of(crossEntropyGrad(in.get(0), in.get(1), in.get(2), in.get(3)));
            case Primitive.ArgMax(int axis) -> List.of(argMax(axis, in.getFirst()));
            case Primitive.QuantizedLinear(var activations) ->
                List.of(quantizedLinear(activations, in.get(0), in.get(1), in.get(2)));
            case Primitive.AdamW(double beta1, double beta2, double eps) -> adamW(beta1, beta2, eps, in);
            case Primitive.Adafactor adafactor -> adafactor(adafactor, in);
            case Primitive.Scan scan -> scan(scan, in);
        };
    }

    /** The steps one after the other. Outputs are written into their stacks, so that no second copy of them exists. */
    private static List<Tensor> scan(Primitive.Scan scan, List<Tensor> in) {
        int carries = scan.carries();
        int stacks = carries + scan.constants();
        var state = new ArrayList<>(in.subList(0, carries));
        for (int step = 0; step < scan.length(); step++) {
            int index = scan.reverse() ? scan.length() - 1 - step : step;
            var args = new ArrayList<>(state.subList(0, carries));
            args.addAll(in.subList(carries, stacks));
            for (var stack : in.subList(stacks, in.size())) {
                args.add(stack.slice(0, index, index + 1).reshape(stack.shape().without(List.of(0))));
            }
            var results = scan.body().call(args);
            for (int k = 0; k < results.size(); k++) {
                var result = results.get(k);
                if (k < carries) {
                    state.set(k, result);
                } else if (step == 0) {
                    // Room for all slices around the first.
                    state.add(slab(result).pad(0, index, scan.length() - 1 - index));
                } else {
                    state.set(k, written(state.get(k), result, index));
                }
            }
        }
        return List.copyOf(state);
    }

    private static Tensor written(Tensor stack, Tensor slice, int index) {
        return stack.dynamicUpdateSlice(0, slab(slice), Tensor.full(TensorType.i32(), index));
    }

    /** {@code slice} with a first axis of size 1. */
    private static Tensor slab(Tensor slice) {
        var dims = new ArrayList<>(slice.shape().toList());
        dims.addFirst(1);
        return slice.reshape(Shape.of(dims));
    }

    private static Tensor widen(Tensor x) {
        return x.convert(x.dtype().accumulator());
    }

    private static Tensor inverseRms(Tensor x, double eps) {
        return x.mul(x).mean(-1).add(eps).rsqrt().expand(x.shape(), List.of(x.rank() - 1));
    }

    private static Tensor rmsNorm(double eps, Tensor x, Tensor weight) {
        var wide = widen(x);
        return wide.mul(inverseRms(wide, eps)).convert(x.dtype()).mul(weight);
    }

    private static List<Tensor> rmsNormGrad(double eps, Tensor x, Tensor weight, Tensor g) {
        var wide = widen(x);
        var last = List.of(x.rank() - 1);
        var r = inverseRms(wide, eps);
        var gr = widen(g).mul(r);
        var gw = gr.mul(widen(weight));
        var projection = gw.mul(wide).mean(-1).expand(x.shape(), last);
        var dx = gw.sub(wide.mul(r).mul(r).mul(projection));
        var dweight = gr.mul(wide).sum(x.shape().axesExcept(last));
        return List.of(dx.convert(x.dtype()), dweight.convert(weight.dtype()));
    }

    private static Tensor rope(double theta, boolean inverse, Tensor x, Tensor positions) {
        int half = x.dim(3) / 2;
        var table = TensorType.of(x.dtype().accumulator(), x.dim(1), half);
        var frequency = Tensor.iota(table, 1).mul(-Math.log(theta) / half).exp();
        var angle = positions
                .convert(table.dtype())
                .broadcast(table.shape(), List.of(0))
                .mul(frequency);
        var dims = x.shape().with(3, half);
        var cos = angle.cos().broadcast(dims, List.of(1, 3));
        var sin = (inverse ? angle.sin().neg() : angle.sin()).broadcast(dims, List.of(1, 3));
        var first = widen(x.slice(3, 0, half));
        var second = widen(x.slice(3, half, 2 * half));
        return Tensor.concat(
                        3,
                        List.of(
                                first.mul(cos).sub(second.mul(sin)),
                                second.mul(cos).add(first.mul(sin))))
                .convert(x.dtype());
    }

    private static Tensor swiGlu(Tensor gate, Tensor up) {
        return widen(gate).silu().mul(widen(up)).convert(gate.dtype());
    }

    private static List<Tensor> swiGluGrad(Tensor gate, Tensor up, Tensor g) {
        var x = widen(gate);
        var wide = widen(g);
        var s = x.logistic();
        // d silu(x) / dx = s + x s (1 - s)
        var slope = s.add(x.mul(s).mul(s.neg().add(1)));
        return List.of(
                wide.mul(widen(up)).mul(slope).convert(gate.dtype()),
                wide.mul(x).mul(s).convert(up.dtype()));
    }

    /** x[B,S,K,D] as [B,H,S,D], each head repeated for its group of query heads. */
    private static Tensor heads(Tensor x, int queryHeads) {
        int group = queryHeads / x.dim(2);
        return x.transpose(0, 2, 1, 3)
                .broadcast(Shape.of(x.dim(0), x.dim(2), group, x.dim(1), x.dim(3)), List.of(0, 1, 3, 4))
                .reshape(x.dim(0), queryHeads, x.dim(1), x.dim(3));
    }

    /** The inverse of {@link #heads} for cotangents: [B,H,S,D] summed over each group, as x[B,S,K,D]. */
    private static Tensor groups(Tensor x, Tensor like) {
        int keyHeads = like.dim(2);
        return x.reshape(x.dim(0), keyHeads, x.dim(1) / keyHeads, x.dim(2), x.dim(3))
                .sum(2)
                .transpose(0, 2, 1, 3)
                .convert(like.dtype());
    }

    /** BOOL [B,H,T,S]: which keys each query sees. */
    private static Tensor visible(AttentionMask mask, Tensor q, Tensor k, List<Tensor> in) {
        var dims = Shape.of(q.dim(0), q.dim(2), q.dim(1), k.dim(1));
        var same = in.get(3).broadcast(dims, List.of(0, 2)).eq(in.get(4).broadcast(dims, List.of(0, 3)));
        return switch (mask) {
            case FULL -> same;
            case CAUSAL -> {
                var type = new TensorType(DType.I32, dims);
                // Differences of indices stay in the range of I32, where the sum of a start and an index may leave it.
                var ahead = Tensor.iota(type, 3).sub(Tensor.iota(type, 2));
                yield same.and(ahead.le(in.get(5).broadcast(dims, List.of())));
            }
        };
    }

    /** Scaled scores [B,H,T,S] in F32, -infinity where a query does not see a key. */
    private static Tensor scores(double scale, Tensor sees, Tensor q, Tensor k) {
        var s = heads(q, q.dim(2))
                .dot(heads(k, q.dim(2)), BATCH_AND_HEAD, BATCH_AND_HEAD, List.of(3), List.of(3))
                .mul(scale);
        return sees.select(s, s.like(Double.NEGATIVE_INFINITY));
    }

    /**
     * The softmax of {@link #scores} in the type {@code dtype} of the values that it weighs: the largest array of a pass
     * exists in the narrow type alone. Pass and gradient say the same, so that a compiler keeps one for both.
     */
    private static Tensor probabilities(Tensor s, Tensor logSumExp, DType dtype) {
        return s.sub(orZero(logSumExp).expand(s.shape(), List.of(3))).exp().convert(dtype);
    }

    /** {@code x}, and 0 for -infinity: of a query that sees nothing, from whose scores it can be subtracted without a NaN. */
    private static Tensor orZero(Tensor x) {
        return x.gt(x.like(Double.NEGATIVE_INFINITY)).select(x, x.like(0));
    }

    private static List<Tensor> attention(double scale, AttentionMask mask, List<Tensor> in) {
        var q = in.get(0);
        var k = in.get(1);
        var s = scores(scale, visible(mask, q, k, in), q, k);
        var last = List.of(3);
        var max = orZero(s.reduceMax(3)).stopGradient();
        var e = s.sub(max.expand(s.shape(), last)).exp();
        var total = e.sum(3);
        var seen = total.gt(total.like(0));
        var divisor = seen.select(total, total.like(1));
        var logSumExp = seen.select(divisor.log().add(max), total.like(Double.NEGATIVE_INFINITY));
        var p = probabilities(s, logSumExp, q.dtype());
        var out = p.dot(heads(in.get(2), q.dim(2)), BATCH_AND_HEAD, BATCH_AND_HEAD, last, List.of(2));
        return List.of(out.transpose(0, 2, 1, 3).convert(q.dtype()), logSumExp);
    }

    private static List<Tensor> attentionGrad(double scale, AttentionMask mask, List<Tensor> in) {
        var q = in.get(0);
        var k = in.get(1);
        var v = in.get(2);
        var out = in.get(6);
        var logSumExp = in.get(7);
        var g = heads(in.get(8), q.dim(2));
        var last = List.of(3);
        var s = scores(scale, visible(mask, q, k, in), q, k);
        // Behind the barrier a compiler cannot go back to the scores, twice as large, for what follows.
        var p = probabilities(s, logSumExp, q.dtype()).annotate(new Primitive.Note.Barrier());
        var dv = p.dot(g, BATCH_AND_HEAD, BATCH_AND_HEAD, List.of(2), List.of(2));
        var dp = g.dot(heads(v, q.dim(2)), BATCH_AND_HEAD, BATCH_AND_HEAD, last, last);
        var delta = widen(g).mul(widen(heads(out, q.dim(2)))).sum(3);
        var ds = widen(p).mul(dp.sub(delta.expand(s.shape(), last))).mul(scale).convert(q.dtype());
        var dq = ds.dot(heads(k, q.dim(2)), BATCH_AND_HEAD, BATCH_AND_HEAD, last, List.of(2));
        var dk = ds.dot(heads(q, q.dim(2)), BATCH_AND_HEAD, BATCH_AND_HEAD, List.of(2), List.of(2));
        return List.of(groups(dq, q), groups(dk, k), groups(dv, v));
    }

    /** Per-row log-sum-exp of logits[N,V]. */
    private static Tensor logSumExp(Tensor logits) {
        var max = logits.reduceMax(1).stopGradient();
        return logits.sub(max.expand(logits.shape(), List.of(1)))
                .exp()
                .sum(1)
                .log()
                .add(max);
    }

    private static Tensor isTarget(Tensor logits, Tensor targets) {
        var type = logits.type().as(DType.I32);
        return Tensor.iota(type, 1).eq(targets.expand(type.shape(), List.of(1)));
    }

    private static Tensor softmax(Tensor x) {
        var wide = widen(x);
        var last = List.of(x.rank() - 1);
        var e = wide.sub(wide.reduceMax(-1).expand(x.shape(), last)).exp();
        return e.div(e.sum(-1).expand(x.shape(), last)).convert(x.dtype());
    }

    private static List<Tensor> crossEntropy(Tensor logits, Tensor targets) {
        var wide = widen(logits);
        var lse = logSumExp(wide);
        var chosen = isTarget(wide, targets).select(wide, wide.like(0)).sum(1);
        return List.of(lse.sub(chosen), lse);
    }

    private static Tensor crossEntropyGrad(Tensor logits, Tensor targets, Tensor lse, Tensor g) {
        var wide = widen(logits);
        var rows = List.of(1);
        var p = wide.sub(lse.expand(wide.shape(), rows)).exp();
        var onehot = isTarget(wide, targets).select(wide.like(1), wide.like(0));
        return p.sub(onehot).mul(g.expand(wide.shape(), rows)).convert(logits.dtype());
    }

    private static Tensor argMax(int axis, Tensor x) {
        var index = x.type().as(DType.I32);
        var hit = x.eq(x.reduceMax(axis).expand(x.shape(), List.of(axis)));
        return hit.select(Tensor.iota(index, axis), Tensor.full(index, Integer.MAX_VALUE))
                .reduceMin(axis);
    }

    private static Tensor quantizedLinear(Activations activations, Tensor x, Tensor weight, Tensor scale) {
        var wide = widen(x);
        var sums = switch (activations) {
            case KEPT -> wide.linear(weight.convert(wide.dtype()));
            case QUANTIZED -> quantizedSums(wide, weight);
        };
        return sums.mul(scale.broadcast(sums.shape(), List.of(sums.rank() - 1)));
    }

    /** The exact sums of quantised rows, times the step of their row. */
    private static Tensor quantizedSums(Tensor x, Tensor weight) {
        var last = List.of(x.rank() - 1);
        var step = x.max(x.neg()).reduceMax(-1).div(QuantizedLinear.LEVELS).max(QuantizedLinear.LEAST_STEP);
        var whole = x.div(step.expand(x.shape(), last)).round().convert(DType.I8);
        var sums = whole.dot(weight, List.of(), List.of(), last, List.of(1)).convert(x.dtype());
        return sums.mul(step.expand(sums.shape(), last));
    }

    private static List<Tensor> adamW(double beta1, double beta2, double eps, List<Tensor> in) {
        var p = in.get(0);
        var g = in.get(3);
        var m = in.get(1).mul(beta1).add(g.mul(1 - beta1));
        var v = in.get(2).mul(beta2).add(g.mul(g).mul(1 - beta2));
        var scalars = IntStream.range(4, 8)
                .mapToObj(i -> in.get(i).broadcastTo(p.shape()))
                .toList();
        var rate = scalars.get(0);
        var decayed = p.sub(rate.mul(scalars.get(1)).mul(p));
        var direction = m.mul(scalars.get(2)).div(v.mul(scalars.get(3)).sqrt().add(eps));
        return List.of(decayed.sub(rate.mul(direction)), m, v);
    }

    private static List<Tensor> adafactor(Primitive.Adafactor prim, List<Tensor> in) {
        var p = in.getFirst();
        int scalars = in.size() - 4;
        var g = in.get(scalars - 1);
        var rate = in.get(scalars).broadcastTo(p.shape());
        var decayed = p.sub(rate.mul(in.get(scalars + 1).broadcastTo(p.shape())).mul(p));
        var rho = in.get(scalars + 2);
        var fresh = in.get(scalars + 3);
        var squares = g.mul(g).add(prim.eps());
        if (!prim.isFactored()) {
            var v = average(in.get(1), squares, rho, fresh);
            return List.of(decayed.sub(rate.mul(clip(prim, g.mul(v.rsqrt())))), v);
        }
        var rows = average(in.get(1), squares.mean(-1), rho, fresh);
        var columns = average(in.get(2), squares.mean(-2), rho, fresh);
        return List.of(decayed.sub(rate.mul(clip(prim, scaled(g, rows, columns)))), rows, columns);
    }

    private static Tensor average(Tensor old, Tensor latest, Tensor rho, Tensor fresh) {
        return old.mul(rho).add(latest.mul(fresh));
    }

    /** g[…,R,C] times the inverse root of the rank-1 estimate rows[…,R] columns[…,C] / mean(rows). */
    private static Tensor scaled(Tensor g, Tensor rows, Tensor columns) {
        int last = g.rank() - 1;
        var mean = rows.mean(-1).expand(rows.shape(), List.of(rows.rank() - 1));
        var rowFactor = rows.div(mean).rsqrt().expand(g.shape(), List.of(last));
        return g.mul(rowFactor).mul(columns.rsqrt().expand(g.shape(), List.of(last - 1)));
    }

    /** The update divided so that its root mean square, of a stack that of each slice, is at most the threshold. */
    private static Tensor clip(Primitive.Adafactor prim, Tensor update) {
        var axes = IntStream.range(prim.isStack() ? 1 : 0, update.rank()).toArray();
        var rms = update.mul(update).mean(axes).sqrt();
        var factor = rms.div(prim.clipThreshold()).max(1);
        return update.div(
                factor.expand(update.shape(), IntStream.of(axes).boxed().toList()));
    }
}
