package io.coda4j.tensor;

import java.util.List;
import java.util.function.BiPredicate;

/**
 * Expands the fused primitives that a device has no kernel for, and drops core ones that no longer say anything once derivatives
 * are taken: stopGradient, and selections between a value and itself, which it leaves behind.
 */
public final class Legalizer implements Interpreter {
    private final Interpreter parent;
    private final BiPredicate<Primitive, List<TensorType>> isNative;

    private Legalizer(Interpreter parent, BiPredicate<Primitive, List<TensorType>> isNative) {
        this.parent = parent;
        this.isNative = isNative;
    }

    /**
     * The same computation as {@code program}, using only primitives that {@code isNative} accepts and core ones. No derivative
     * may be taken of it.
     */
    public static Program legalise(Program program, BiPredicate<Primitive, List<TensorType>> isNative) {
        var types = program.params().stream().map(Symbol::type).toList();
        return Trace.of(
                        program.name(),
                        args -> new Legalizer(Interpreter.current(), isNative).run(() -> program.call(args)),
                        types)
                .donating(program.donated());
    }

    @Override
    public List<Tensor> apply(Primitive prim, List<Tensor> in) {
        return switch (prim) {
            case Primitive.Annotate(Primitive.Note.StopGradient()) -> in;
            case Primitive.Select select -> in.get(1) == in.get(2) ? List.of(in.get(1)) : parent.apply(select, in);
            case Primitive.Core core -> parent.apply(core, in);
            case Primitive.Fused fused -> {
                var types = in.stream().map(Tensor::type).toList();
                yield isNative.test(fused, types) ? parent.apply(fused, in) : Decompose.apply(fused, in);
            }
        };
    }
}
