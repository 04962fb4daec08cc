package io.coda4j.bench;

import io.coda4j.coder.train.TrainStep;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.spi.Device;
import java.time.Duration;
import java.util.List;

/** The steps of a workload on a device, one after the other on one batch. To be used within the scope that it was made in. */
public final class TrainingRun implements AutoCloseable {
    /** After so long the JVM has compiled what a step is made of: that takes it some eight seconds beside the steps. */
    public static final Duration WARM_UP = Duration.ofSeconds(15);

    private static final int LEAST_WARM_UP = 2;

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

    /** Runs steps of all {@code runs} in turns, two of each at least and for {@link #WARM_UP}, so that later ones may be timed. */
    static void warmUp(List<TrainingRun> runs) {
        long end = System.nanoTime() + WARM_UP.toNanos();
        for (int round = 0; round < LEAST_WARM_UP || System.nanoTime() < end; round++) {
            runs.forEach(TrainingRun::step);
        }
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
