package io.coda4j.coder.train;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.train.TrainStep.Input;
import io.coda4j.coder.train.TrainStep.Output;
import io.coda4j.nn.Optimizer;
import io.coda4j.nn.schedule.Schedule;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.spi.Device;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The training loop.
 *
 * <p>Everything but the weights and moments is a function of the position in the run, so a run that is stopped at any
 * checkpoint and resumed does exactly what it would have done.
 */
public final class Trainer implements AutoCloseable {
    /** Equal ranges of the noise level for which the loss is reported apart. */
    public static final int NOISE_BUCKETS = 5;

    private final Recipe recipe;
    private final CodaConfig config;
    private final TokenBlocks blocks;
    private final String text;
    private final Checkpoints checkpoints;
    private final @Nullable HeldOutEvaluation evaluation;
    private final TrainingListener listener;
    private final Optimizer optimizer;
    private final Schedule rate;
    private final StepTimes stepTimes = new StepTimes();
    private final StepBatches batches;
    private final Compiled<Input, Output> program;

    private TrainState state;
    private long step;
    private long rows;
    private long millis;

    /** When the clock last began to run; what has passed since is added to {@link #millis} when a step is done. */
    private long startNanos;

    /**
     * A run of {@code recipe} from a state.
     *
     * @param state consumed by the first step
     * @param position where the run stands, or null at its start
     * @param evaluation of the model while it trains, or null
     */
    public Trainer(
            Recipe recipe,
            CodaConfig config,
            TokenBlocks blocks,
            TrainState state,
            Checkpoints.@Nullable Position position,
            Checkpoints checkpoints,
            @Nullable HeldOutEvaluation evaluation,
            TrainingListener listener,
            Device device) {
        this.recipe = recipe;
        this.config = config;
        this.blocks = blocks;
        this.text = blocks.fingerprint();
        this.state = state;
        this.checkpoints = checkpoints;
        this.evaluation = evaluation;
        this.listener = listener;
        this.optimizer = recipe.rule();
        this.rate = recipe.learningRate();
        this.batches = new StepBatches(recipe, config, blocks);
        this.program = recipe.trainStep(config).compile(device);
        if (position != null) {
            step = position.step();
            rows = position.rows();
            millis = position.millis();
            stepTimes.add((double) millis / Math.max(1, step));
        }
    }

    /** Trains until the budget is used up, writes a last checkpoint, and gives the state. */
    public TrainState run() {
        listener.started(step);
        var budget = recipe.budget();
        var run = recipe.run();
        startNanos = System.nanoTime();
        while (!budget.isUsedUp(step, millis)) {
            try (var scope = Scope.open()) {
                advance(scope, budget);
            }
            millis = clock();
            boolean isLast = budget.isUsedUp(step, millis);
            if (run.evaluateEvery() > 0 && step % run.evaluateEvery() == 0 && !isLast) {
                evaluate(run.evaluationBlocks());
            }
            if (isLast || run.checkpointEvery() > 0 && step % run.checkpointEvery() == 0) {
                save();
            }
            // Evaluations and checkpoints are not training: the budget does not pay for them.
            startNanos = System.nanoTime();
        }
        return state;
    }

    /** The time spent training until now. */
    private long clock() {
        return millis + (System.nanoTime() - startNanos) / 1_000_000;
    }

    private void advance(Scope scope, Budget budget) {
        long position = budget.position(step, millis, stepTimes.current());
        double learningRate = rate.at(position);
        var batch = batches.at(step, rows);
        var scalars = optimizer.scalars(step + 1, learningRate);
        long start = System.nanoTime();
        var out = program.apply(new Input(state, batch.input(), Array.of(Shape.of(scalars.length), scalars)));
        state = scope.keep(out.state());
        step++;
        rows += batch.noised().rows();
        double loss = ((Array) out.loss()).item();
        double gradientNorm = ((Array) out.gradientNorm()).item();
        requireFinite("loss", loss);
        requireFinite("gradient's norm", gradientNorm);
        stepTimes.add((System.nanoTime() - start) / 1e6);
        listener.stepped(new TrainingListener.Step(
                step,
                (double) rows / blocks.blocksPerEpoch(),
                rows * batch.noised().length(),
                clock(),
                loss,
                lossByNoise(batch, ((Array) out.crossEntropies()).toFloats()),
                learningRate,
                gradientNorm,
                batch.scored().count()));
    }

    private void requireFinite(String what, double value) {
        if (!Double.isFinite(value)) {
            throw checkpoints.diverged("the " + what + " became " + value + " at step " + step);
        }
    }

    private double[] lossByNoise(StepBatches.Batch batch, float[] crossEntropies) {
        var scored = batch.scored();
        var sums = new double[NOISE_BUCKETS];
        var counts = new int[NOISE_BUCKETS];
        for (int n = 0; n < scored.count(); n++) {
            float sigma = batch.noised()
                    .sigma()[scored.hiddenRows()[n] / batch.noised().length()];
            int bucket = Math.min(NOISE_BUCKETS - 1, (int) (sigma * NOISE_BUCKETS));
            sums[bucket] += crossEntropies[n];
            counts[bucket]++;
        }
        Arrays.setAll(sums, i -> counts[i] == 0 ? Double.NaN : sums[i] / counts[i]);
        return sums;
    }

    private void evaluate(int evaluationRows) {
        if (evaluation != null) {
            try (var _ = Scope.open()) {
                listener.evaluated(step, millis, evaluation.run(state.model(), 0.5, evaluationRows));
            }
        }
    }

    private void save() {
        var position = new Checkpoints.Position(step, rows, millis, RecipeFile.write(recipe), text);
        try (var _ = Scope.open()) {
            checkpoints.save(position, config, state);
        }
        listener.saved(step);
    }

    @Override
    public void close() {
        program.close();
    }
}
