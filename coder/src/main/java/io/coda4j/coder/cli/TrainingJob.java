package io.coda4j.coder.cli;

import io.coda4j.coder.metrics.MetricsLog;
import io.coda4j.coder.metrics.RunEnvironment;
import io.coda4j.coder.metrics.RunLine;
import io.coda4j.coder.terminal.Progress;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.coder.train.Budget;
import io.coda4j.coder.train.HeldOutEvaluation;
import io.coda4j.coder.train.Recipe;
import io.coda4j.coder.train.RecipeFile;
import io.coda4j.coder.train.TrainingRun;
import io.coda4j.nn.LanguageModel;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.spi.Device;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import tools.jackson.databind.json.JsonMapper;

/** Runs a recipe from corpus to evaluated model, recording and showing what happens. */
final class TrainingJob {
    static final String VERSION = "0.1.0";

    private static final double NOISE = 0.5;

    private final Recipe recipe;
    private final Path folder;
    private final boolean resume;
    private final DeviceOption deviceOption;
    private final Terminal terminal = Terminal.of(System.err);

    TrainingJob(Recipe recipe, Path folder, boolean resume, DeviceOption device) {
        this.recipe = recipe;
        this.folder = folder;
        this.resume = resume;
        this.deviceOption = device;
    }

    /** What a run came to. */
    record Outcome(Path folder, HeldOutEvaluation.Result result) {
        /** How far above the stronger baseline the model is. */
        double ratio() {
            return result.unseen().accuracy() / result.unseen().baselineNeighbours();
        }

        String text() {
            var unseen = result.unseen();
            return String.format(
                    Locale.ROOT,
                    """

                    held-out files, %.0f %% of tokens masked, %,d positions whose text is not in training:
                      this model                                   %5.1f %%
                      most frequent token between its neighbours   %5.1f %%   (model: %.2f x)
                      most frequent token                          %5.1f %%
                    model: %s
                    """,
                    100 * result.noise(),
                    unseen.positions(),
                    100 * unseen.accuracy(),
                    100 * unseen.baselineNeighbours(),
                    ratio(),
                    100 * unseen.baselineUnigram(),
                    folder.resolve("model"));
        }

        String json() {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("model", folder.resolve("model").toString());
            fields.put("noise", result.noise());
            fields.put("crossEntropy", result.crossEntropy());
            fields.put("unseen", result.unseen());
            fields.put("all", result.all());
            fields.put("ratioToNeighbours", ratio());
            return new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields);
        }
    }

    /** What follows a training run, while its model is in memory. */
    interface Afterwards {
        void accept(TrainingRun run, LanguageModel model, Device device, Outcome outcome);
    }

    Outcome run(String command) {
        return run(command, (run, model, device, outcome) -> {});
    }

    /** Trains, evaluates and hands over. */
    Outcome run(String command, Afterwards afterwards) {
        var isFirst = new AtomicBoolean(true);
        // A device that ran out of memory may have come some way: the next one goes on from there.
        return deviceOption.open(
                recipe.mesh(), device -> run(command, afterwards, device, resume || !isFirst.getAndSet(false)));
    }

    private Outcome run(String command, Afterwards afterwards, Device device, boolean resume) {
        try (var run = TrainingRun.prepare(folder, recipe, resume, device, this::note)) {
            try (var log = log(run, resume)) {
                log.append(header(run.firstStep(), command, device));
                var recorder = new RunRecorder(log, run);
                var model = train(run, recorder);
                note("evaluating on all held-out text");
                try (var _ = Scope.open()) {
                    var result = run.evaluation().run(model, NOISE, Integer.MAX_VALUE);
                    recorder.evaluated(recorder.step(), recorder.millis(), result);
                    var outcome = new Outcome(folder, result);
                    afterwards.accept(run, model, device, outcome);
                    return outcome;
                }
            }
        }
    }

    private MetricsLog log(TrainingRun run, boolean resume) {
        if (!resume) {
            return MetricsLog.create(folder);
        }
        if (run.firstStep() == 0) {
            // A run that was killed before its first checkpoint starts again from the beginning.
            return MetricsLog.restart(folder);
        }
        return run.isTrained()
                ? MetricsLog.resumeAtEnd(folder, run.firstStep())
                : MetricsLog.resume(folder, run.firstStep());
    }

    private LanguageModel train(TrainingRun run, RunRecorder recorder) {
        try (var progress = Progress.start(terminal, "train", shown(), run.firstStep(), run.elapsed())) {
            return run.train(recorder.showing(progress));
        }
    }

    private io.coda4j.coder.terminal.Budget shown() {
        return switch (recipe.budget()) {
            case Budget.Steps(long total) -> new io.coda4j.coder.terminal.Budget.Steps(total);
            case Budget.Time(long total) -> new io.coda4j.coder.terminal.Budget.Time(Duration.ofMillis(total));
        };
    }

    private void note(String line) {
        terminal.out().println(line);
    }

    private RunLine header(long step, String command, Device device) {
        return new RunLine(
                step,
                recipe.seed(),
                RecipeFile.flat(recipe),
                command,
                RunEnvironment.capture(device.name() + " (" + device.description() + ")", VERSION));
    }
}
