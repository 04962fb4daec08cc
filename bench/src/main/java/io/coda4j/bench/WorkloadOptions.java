package io.coda4j.bench;

import io.coda4j.coder.train.Recipe;
import io.coda4j.tensor.DType;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Which training step a command measures. */
final class WorkloadOptions {
    @Spec(Spec.Target.MIXEE)
    private CommandSpec spec = CommandSpec.create();

    @Option(names = "--model", paramLabel = "NAME", defaultValue = "demo", description = "demo (default) or 12x768.")
    private String model = "demo";

    @Option(
            names = "--dtype",
            paramLabel = "T",
            defaultValue = "f32",
            description = "What passes compute in: f32 (the default), or bf16 over weights and moments in F32.")
    private Recipe.ComputeType compute = Recipe.ComputeType.F32;

    /**
     * The workload.
     *
     * @throws ParameterException if there is none of that name
     */
    Workload workload() {
        try {
            return Workload.named(model);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), "--model: " + e.getMessage());
        }
    }

    /** What passes compute in. */
    DType compute() {
        return switch (compute) {
            case F32 -> DType.F32;
            case BF16 -> DType.BF16;
        };
    }
}
