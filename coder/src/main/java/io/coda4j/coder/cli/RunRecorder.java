package io.coda4j.coder.cli;

import io.coda4j.coder.metrics.EvalLine;
import io.coda4j.coder.metrics.MetricsLine;
import io.coda4j.coder.metrics.MetricsLog;
import io.coda4j.coder.metrics.RunEnvironment;
import io.coda4j.coder.metrics.Timing;
import io.coda4j.coder.metrics.TrainLine;
import io.coda4j.coder.terminal.Progress;
import io.coda4j.coder.train.HeldOutEvaluation;
import io.coda4j.coder.train.TrainingListener;
import io.coda4j.coder.train.TrainingRun;
import java.time.Duration;
import java.util.ArrayList;
import org.jspecify.annotations.Nullable;

/** Writes what happens in a run to its metrics and shows it on the terminal. */
final class RunRecorder implements TrainingListener {
    private static final int SMOOTHING_STEPS = 20;

    private final MetricsLog log;
    private @Nullable Progress progress;
    private long lastStep;
    private long lastTokens;
    private long lastMillis;
    private double smoothedLoss = Double.NaN;
    private double tokensPerSecond;
    private String accuracy = "";

    RunRecorder(MetricsLog log, TrainingRun run) {
        this.log = log;
        this.lastStep = run.firstStep();
        this.lastTokens = run.firstTokens();
        this.lastMillis = run.elapsed().toMillis();
    }

    /** This recorder, which from now on also shows what it hears. */
    RunRecorder showing(Progress shown) {
        progress = shown;
        return this;
    }

    /** The last step heard of. */
    long step() {
        return lastStep;
    }

    /** The training time at the last step. */
    long millis() {
        return lastMillis;
    }

    @Override
    public void stepped(Step step) {
        tokensPerSecond = step.millis() <= lastMillis
                ? tokensPerSecond
                : (step.tokens() - lastTokens) * 1000.0 / (step.millis() - lastMillis);
        lastStep = step.step();
        lastTokens = step.tokens();
        lastMillis = step.millis();
        smoothedLoss = Double.isNaN(smoothedLoss)
                ? step.loss()
                : smoothedLoss + (step.loss() - smoothedLoss) / SMOOTHING_STEPS;
        log.append(line(step));
        if (progress != null) {
            progress.update(
                    step.step(),
                    Duration.ofMillis(step.millis()),
                    "loss %.3f | %.1fk tok/s%s".formatted(smoothedLoss, tokensPerSecond / 1000, accuracy));
        }
    }

    private MetricsLine line(Step step) {
        var byNoise = new ArrayList<@Nullable Double>();
        for (double loss : step.lossByNoise()) {
            byNoise.add(Double.isNaN(loss) ? null : loss);
        }
        return new TrainLine(
                step.step(),
                step.epoch(),
                step.tokens(),
                step.loss(),
                byNoise,
                step.learningRate(),
                step.gradientNorm(),
                step.scored(),
                timing(step.millis(), tokensPerSecond));
    }

    private static Timing timing(long millis, double tokensPerSecond) {
        return new Timing(millis / 1000.0, tokensPerSecond, RunEnvironment.residentBytes());
    }

    @Override
    public void evaluated(long step, long millis, HeldOutEvaluation.Result result) {
        accuracy = " | held-out %.1f %%".formatted(100 * result.unseen().accuracy());
        log.append(new EvalLine(
                step,
                lastTokens,
                result.noise(),
                result.crossEntropy(),
                result.all(),
                result.unseen(),
                timing(millis, result.tokensPerSecond())));
    }
}
