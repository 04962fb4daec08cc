package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Precision;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The option that says what the products with a model's matrices are made of. */
final class PrecisionOption {
    @Option(
            names = "--precision",
            paramLabel = "P",
            description = "Products with the model's matrices: f32 (of BF16 and INT8 matrices exact), bf16 (operands"
                    + " rounded to BF16, sums F32) or int8 (of INT8 matrices with activations rounded to 8 bits row by"
                    + " row; others as bf16 on a cpu with instructions for it, else as f32). Default: int8 for matrices stored as INT8, bf16 for those stored as BF16 on a cpu with"
                    + " instructions for it (see 'coda devices'), else f32.")
    private @Nullable Precision precision;

    /** What was asked for, or null for the default. */
    @Nullable
    Precision asked() {
        return precision;
    }
}
