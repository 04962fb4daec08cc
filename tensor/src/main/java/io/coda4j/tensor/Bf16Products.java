package io.coda4j.tensor;

import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/**
 * Rounds the F32 operand of each product with a BF16 one to BF16, so that a device may multiply BF16 by BF16, and forwards
 * everything else to the interpreter that was current. Sums stay F32.
 *
 * <p>A product then errs by up to 2^-8 of each of its terms, which is what BF16 weights themselves err by. Products inside of
 * fused primitives and loops are not touched.
 */
public final class Bf16Products implements Interpreter {
    private final Interpreter parent = Interpreter.current();

    /** What was rounded already: several weights often meet the same operand. */
    private final Map<Tensor, Tensor> rounded = new IdentityHashMap<>();

    private Bf16Products() {}

    /** Runs {@code body} with products rounded. */
    public static <R> R within(Supplier<R> body) {
        return new Bf16Products().run(body);
    }

    @Override
    public List<Tensor> apply(Primitive prim, List<Tensor> in) {
        return parent.run(() -> parent.apply(prim, prim instanceof Primitive.Dot && isMixed(in) ? rounded(in) : in));
    }

    private static boolean isMixed(List<Tensor> in) {
        return in.get(0).dtype() != in.get(1).dtype()
                && in.stream().allMatch(tensor -> tensor.dtype() == DType.F32 || tensor.dtype() == DType.BF16);
    }

    private List<Tensor> rounded(List<Tensor> in) {
        return in.stream()
                .map(tensor -> tensor.dtype() == DType.BF16
                        ? tensor
                        : rounded.computeIfAbsent(tensor, wide -> wide.convert(DType.BF16)))
                .toList();
    }
}
