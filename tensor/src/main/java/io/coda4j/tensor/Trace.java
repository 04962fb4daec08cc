package io.coda4j.tensor;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;

/**
 * Stages primitives as the equations of a {@link Program} instead of computing them.
 *
 * <p>Java control flow in the traced function runs once, while tracing. Arrays that the function captures become
 * constants of the program.
 */
public final class Trace implements Interpreter {
    /** Captured arrays larger than this are refused: they would be copied into every compiled program. */
    public static final long LARGEST_CONSTANT_BYTES = 64 * 1024;

    private final List<Equation> body = new ArrayList<>();

    private Trace() {}

    @Override
    public List<Tensor> apply(Primitive prim, List<Tensor> in) {
        in.forEach(tensor -> checkConstant(prim.mnemonic(), tensor));
        var types = in.stream().map(Tensor::type).toList();
        var out = prim.infer(types).stream().map(Symbol::new).toList();
        body.add(new Equation(prim, in, out));
        return List.copyOf(out);
    }

    private static void checkConstant(String where, Tensor tensor) {
        if (tensor instanceof Array array && array.type().byteSize() > LARGEST_CONSTANT_BYTES) {
            throw new IllegalArgumentException(where + ": the traced function captured an array of type "
                    + array.type() + " (" + array.type().byteSize() + " bytes; constants hold at most "
                    + LARGEST_CONSTANT_BYTES + "). Pass it as an argument instead");
        }
    }

    /** The program of {@code f} applied to parameters of the given types, without equations nothing depends on. */
    public static Program of(String name, UnaryOperator<List<Tensor>> f, List<TensorType> types) {
        var trace = new Trace();
        var params = types.stream().map(Symbol::new).toList();
        var results = trace.run(() -> f.apply(List.copyOf(params)));
        results.forEach(tensor -> checkConstant("return", tensor));
        return new Program(name, params, trace.body, results, Set.of()).withoutDeadCode();
    }
}
