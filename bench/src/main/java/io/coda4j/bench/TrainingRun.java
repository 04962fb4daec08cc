package io.coda4j.bench;

import io.coda4j.coder.train.TrainStep;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.spi.Device;

/** The steps of a workload on a device, one after the other on one batch. To be used within the scope that it was made in. */
public final class TrainingRun implements AutoCloseable {
    private final Compiled<TrainStep.Input, TrainStep.Output> program;
    private TrainStep.Input input;
    private float loss;

    /** Passes compute in {@code compute}, over weights and moments in F32. */
    public TrainingRun(Workload workload, Device device, DType compute) {
        program = workload.step().computingIn(compute).compile(device);
        input = workload.input(device);
    }

    /** What a step computes. */
    Program listing() {
        return program.program(input);
    }

    /** Runs a step to its end, of which only the state stays in memory; its seconds. */
    public double step() {
        long start = System.nanoTime();
        try (var inner = Scope.open()) {
            var output = program.apply(input);
            loss = (float) ((Array) output.loss()).item();
            input = new TrainStep.Input(inner.keep(output.state()), input.batch(), input.scalars());
        }
        return (System.nanoTime() - start) * 1e-9;
    }

    /** The loss of the last step. */
    public float loss() {
        return loss;
    }

    @Override
    public void close() {
        program.close();
    }
}
