package io.coda4j.autograd;

import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Reverse-mode differentiation of tensor code, eager or traced. */
public final class Autograd {
    private Autograd() {}

    /**
     * The value of {@code loss} at {@code params} and its gradient with respect to every floating-point tensor in them.
     *
     * @param loss a function to a scalar; it must use the tree it is given, not {@code params} from outside
     * @param params a tree of tensors, see {@link Tree}; a tensor that stands at several places gets its whole gradient
     *     at each of them
     * @throws IllegalArgumentException if the loss is not a scalar, or not of a floating-point type
     */
    public static <P> ValueAndGradient<P> valueAndGrad(Function<P, Tensor> loss, P params) {
        var wrt = Tree.tensors(params);
        var tape = new Tape(wrt);
        var value = tape.run(() -> loss.apply(params));
        if (value.rank() != 0) {
            throw new IllegalArgumentException(
                    "valueAndGrad: the loss must be a scalar, got " + value.type() + "; reduce it, e.g. sumAll()");
        }
        if (!value.dtype().isFloat()) {
            throw new IllegalArgumentException("valueAndGrad: the loss must be a floating-point number, got "
                    + value.type() + ", through which no gradient flows; compute it in f32");
        }
        var gradients = tape.gradient(List.of(value), List.of(value.like(1)), wrt);
        return new ValueAndGradient<>(value, Tree.filled(params, gradients));
    }

    /**
     * The cotangents of {@code in} for cotangents of the results of {@code f}; a null cotangent is zero. A tensor that
     * is passed at two places gets at each the cotangent of that place.
     *
     * @param cotangents one for each result of {@code f}, of its type, or null; null where that is no floating-point type
     * @throws IllegalArgumentException if there are more or fewer, or one has another type than its result, or a type
     *     through which no gradient flows
     */
    public static List<Tensor> vjp(
            UnaryOperator<List<Tensor>> f, List<Tensor> in, List<? extends @Nullable Tensor> cotangents) {
        var operands = distinct(in);
        var tape = new Tape(operands);
        var out = tape.run(() -> f.apply(operands));
        checkCotangents(out, cotangents);
        return tape.gradient(out, cotangents, operands);
    }

    private static void checkCotangents(List<Tensor> out, List<? extends @Nullable Tensor> cotangents) {
        if (cotangents.size() != out.size()) {
            throw new IllegalArgumentException("vjp: the function gives " + out.size() + " results, got "
                    + cotangents.size() + " cotangents; pass one for each, null where it is zero");
        }
        for (int i = 0; i < out.size(); i++) {
            var cotangent = cotangents.get(i);
            if (cotangent != null && !cotangent.type().equals(out.get(i).type())) {
                throw new IllegalArgumentException("vjp: result " + i + " is "
                        + out.get(i).type() + ", its cotangent must be too, got " + cotangent.type());
            }
            if (cotangent != null && !cotangent.dtype().isFloat()) {
                throw new IllegalArgumentException("vjp: result " + i + " is " + cotangent.type()
                        + ", through which no gradient flows; pass null as its cotangent");
            }
        }
    }

    /** The same tensors, with another name for each that occurs before: tensors are told apart by identity. */
    private static List<Tensor> distinct(List<Tensor> tensors) {
        var distinct = new ArrayList<Tensor>();
        for (var tensor : tensors) {
            boolean seen = distinct.stream().anyMatch(other -> other == tensor);
            distinct.add(seen ? renamed(tensor) : tensor);
        }
        return distinct;
    }

    /** The same value as another tensor. */
    private static Tensor renamed(Tensor tensor) {
        return tensor.annotate(new Primitive.Note.Barrier());
    }

    /** As {@link #checkpointAll}, for a function of a tree of tensors, see {@link Tree}, to one tensor. */
    public static <P> Tensor checkpoint(Function<P, Tensor> f, P in) {
        return checkpointAll(tensors -> List.of(f.apply(Tree.filled(in, tensors))), Tree.tensors(in))
                .getFirst();
    }

    /**
     * {@code f(in)} without keeping its intermediate values for the backward pass, which computes {@code f} again.
     *
     * @throws IllegalStateException if {@code f} uses a differentiated tensor that is not in {@code in}
     */
    public static List<Tensor> checkpointAll(UnaryOperator<List<Tensor>> f, List<Tensor> in) {
        if (!(Interpreter.current() instanceof Tape tape)) {
            return f.apply(in);
        }
        // An input that f gives out as it is needs another name, or its cotangent would count as input and as result.
        var out = new Guard(tape, in)
                .run(() -> f.apply(in).stream()
                        .map(result -> tape.follows(result) ? renamed(result) : result)
                        .toList());
        tape.record(in, out, cotangents -> recompute(f, in, cotangents));
        return out;
    }

    private static List<@Nullable Tensor> recompute(
            UnaryOperator<List<Tensor>> f, List<Tensor> in, List<@Nullable Tensor> cotangents) {
        // One barrier over operands and cotangents: recomputation cannot start before the cotangents exist.
        var tied = new ArrayList<>(in);
        cotangents.stream().filter(g -> g != null).forEach(tied::add);
        var after = Tensor.apply(new Primitive.Annotate(new Primitive.Note.Barrier()), tied.toArray(Tensor[]::new));
        var seeds = new ArrayList<@Nullable Tensor>();
        int next = in.size();
        for (var cotangent : cotangents) {
            seeds.add(cotangent == null ? null : after.get(next++));
        }
        return new ArrayList<>(vjp(f, after.subList(0, in.size()), seeds));
    }

    /** Computes without recording, and refuses differentiated tensors that came in by capture. */
    private record Guard(Tape tape, List<Tensor> declared) implements Interpreter {
        @Override
        public List<Tensor> apply(Primitive prim, List<Tensor> in) {
            for (var operand : in) {
                if (tape.follows(operand) && declared.stream().noneMatch(tensor -> tensor == operand)) {
                    throw new IllegalStateException("checkpoint: " + prim.mnemonic()
                            + " uses a differentiated tensor of type " + operand.type()
                            + " that is not an input; pass it in the list of inputs");
                }
            }
            return tape.parent().run(() -> tape.parent().apply(prim, in));
        }
    }
}
