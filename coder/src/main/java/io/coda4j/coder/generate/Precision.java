package io.coda4j.coder.generate;

import io.coda4j.nn.LanguageModel;
import io.coda4j.tensor.Bf16Products;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.QuantizedActivations;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** What the products with a model's matrices are made of; their sums, and everything else, are F32. */
public enum Precision {
    /** Products of F32 values, the matrices being widened exactly where they are stored as BF16. */
    F32,

    /** Products of BF16 values: each operand is rounded to BF16 unless it is stored so. Matrices stored as INT8 are kept. */
    BF16,

    /**
     * Products of INT8 values where matrices are stored so, the activations being rounded row by row; others as {@link #BF16}
     * on a device that multiplies BF16 faster, else as {@link #F32}.
     */
    INT8;

    /**
     * The precision for {@code model} on {@code device} where none is asked for: INT8 if matrices are stored so, BF16 if all
     * are and the device multiplies BF16 faster.
     */
    static Precision chosen(@Nullable Precision asked, LanguageModel model, Device device) {
        if (asked != null) {
            return asked;
        }
        if (isQuantized(model)) {
            return INT8;
        }
        boolean isNarrow = Tree.leaves(model).values().stream()
                .filter(leaf -> leaf.rank() == 2)
                .allMatch(leaf -> leaf.dtype() == DType.BF16);
        return isNarrow && device.hasFastBf16() ? BF16 : F32;
    }

    /** Whether matrices of {@code model} are stored as INT8. */
    static boolean isQuantized(LanguageModel model) {
        return Tree.tensors(model).stream().anyMatch(leaf -> leaf.dtype() == DType.I8);
    }

    /** {@code model} with its matrices as this precision needs them. */
    public LanguageModel prepared(LanguageModel model, Device device) {
        return this != BF16
                ? model
                : new Eager(device)
                        .run(() -> Tree.map(
                                model,
                                (_, leaf) -> leaf.rank() == 2 && leaf.dtype() == DType.F32 ? narrowed(leaf) : leaf));
    }

    private static Tensor narrowed(Tensor matrix) {
        return matrix.convert(DType.BF16);
    }

    /** {@code function}, computing in this precision on {@code device}. */
    public <I, O> Function<I, O> of(Function<I, O> function, Device device) {
        return switch (this) {
            case F32 -> function;
            case BF16 -> in -> Bf16Products.within(() -> function.apply(in));
            case INT8 -> {
                Function<I, O> quantized = in -> QuantizedActivations.within(() -> function.apply(in));
                yield device.hasFastBf16() ? BF16.of(quantized, device) : quantized;
            }
        };
    }

    /** The name on the command line. */
    public String label() {
        return name().toLowerCase(java.util.Locale.ROOT);
    }
}
