package io.coda4j.coder.cli;

import io.coda4j.coder.metrics.MetricsLog;
import io.coda4j.coder.report.Corpus;
import io.coda4j.coder.report.CorpusSource;
import io.coda4j.coder.report.HtmlReport;
import io.coda4j.coder.report.ReportData;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.coder.train.Budget;
import io.coda4j.coder.train.EncodedCorpus;
import io.coda4j.coder.train.Recipe;
import io.coda4j.coder.train.RecipeFile;
import io.coda4j.coder.train.TrainingRun;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code coda demo}: from nothing to a model that fills code, in minutes. */
@Command(
        name = "demo",
        mixinStandardHelpOptions = true,
        description = {
            "Trains a small diffusion model on Java source code and shows it filling code it has never seen.",
            "Fetches the corpus, trains a tokenizer and a model, denoises and infills held-out files in the terminal,",
            "and leaves the model, the metrics and report.html behind."
        },
        footer = {"", "Examples:", "  coda demo", "  coda demo --minutes 2 --corpus mix --out out/mix"})
final class DemoCommand implements Callable<Integer> {
    private static final Path DEFAULT_FOLDER = Path.of("out", "demo");

    @Option(names = "--minutes", paramLabel = "N", description = "Minutes of training (default: 10).")
    private @Nullable Double minutes;

    @Option(
            names = "--steps",
            paramLabel = "N",
            description = "Steps of training instead of minutes; two runs of one seed are then equal bit for bit.")
    private @Nullable Long steps;

    @Option(names = "--seed", paramLabel = "S", defaultValue = "1", description = "Seed of everything random.")
    private long seed = 1;

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Folder for the results (default: out/demo, or the next free out/demo-N).")
    private @Nullable Path out;

    @Option(
            names = "--corpus",
            paramLabel = "NAME",
            defaultValue = "lang3",
            description = "lang3 (default), mix (eight libraries), or a folder of Java files.")
    private String corpus = "lang3";

    @Option(names = "--resume", description = "Go on with the run in --out.")
    private boolean resume;

    @Option(names = "--json", description = "Print the outcome as JSON.")
    private boolean json;

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        var folder = folder();
        var job = new TrainingJob(recipe(), folder, resume, device);
        var outcome = job.run(TypedCommand.of(spec, folder), (run, model, chosen, result) -> {
            var terminal = Terminal.of(json ? System.err : System.out);
            terminal.out().print(result.text());
            var showcase = new Showcase(run, model, chosen, terminal, seed);
            var report = report(run, result, showcase);
            HtmlReport.write(folder.resolve("report.html"), report);
        });
        if (json) {
            System.out.println(outcome.json());
        } else {
            System.out.printf(
                    """

                    report:  %s
                    metrics: %s
                    try:     ./coda infill --model %s --prefix 'if (str == ' --suffix ') {' --tokens 1
                    """, folder.resolve("report.html"), folder.resolve(MetricsLog.FILE_NAME), folder.resolve("model"));
        }
        return 0;
    }

    private Recipe recipe() {
        if (minutes != null && steps != null) {
            throw new UsageException("give either --minutes or --steps");
        }
        var recipe = RecipeFile.defaults().seeded(seed).reading(corpus);
        if (steps != null) {
            requirePositive("--steps", steps);
            return recipe.lasting(new Budget.Steps(steps));
        }
        if (minutes != null) {
            requirePositive("--minutes", minutes);
            return recipe.lasting(new Budget.Time((long) Math.ceil(minutes * 60_000)));
        }
        return recipe;
    }

    private static void requirePositive(String option, Number value) {
        if (!(value.doubleValue() > 0) || value.doubleValue() == Double.POSITIVE_INFINITY) {
            throw new UsageException(option + " must be positive and finite, got " + value);
        }
    }

    private Path folder() {
        if (out != null || resume) {
            return out == null ? DEFAULT_FOLDER : out;
        }
        var folder = DEFAULT_FOLDER;
        for (int i = 2; Files.exists(folder); i++) {
            folder = DEFAULT_FOLDER.resolveSibling(DEFAULT_FOLDER.getFileName() + "-" + i);
        }
        return folder;
    }

    private ReportData report(TrainingRun run, TrainingJob.Outcome outcome, Showcase showcase) {
        var unseen = outcome.result().unseen();
        var summary = String.format(
                Locale.ROOT,
                "A masked-diffusion model of %,d parameters. On held-out files with half of all tokens masked it names"
                        + " %.1f %% of %,d masked tokens, %.2f times as many as counting neighbours does (%.1f %%).",
                run.config().transformer().parameters(),
                100 * unseen.accuracy(),
                unseen.positions(),
                outcome.ratio(),
                100 * unseen.baselineNeighbours());
        return new ReportData(
                "coda4j demo",
                summary,
                run.config().transformer().parameters(),
                MetricsLog.read(outcome.folder()),
                corpusFacts(run),
                showcase.denoise(),
                showcase.infill());
    }

    private Corpus corpusFacts(TrainingRun run) {
        var statistics = run.corpus().statistics();
        var byArtifact = run.corpus().train().stream()
                .collect(Collectors.groupingBy(file -> file.artifact(), LinkedHashMap::new, Collectors.toList()));
        List<CorpusSource> sources = byArtifact.entrySet().stream()
                .map(entry -> new CorpusSource(
                        entry.getKey(),
                        run.licences(),
                        entry.getValue().size(),
                        entry.getValue().stream()
                                .mapToLong(file -> file.text().length())
                                .sum(),
                        EncodedCorpus.of(entry.getValue(), run.tokenizer()).tokens().length))
                .toList();
        var facts = new LinkedHashMap<String, String>();
        facts.put("split", "by file, 90 % for training");
        facts.put(
                "held-out files",
                "%,d of %,d characters".formatted(statistics.heldOutFiles(), statistics.heldOutChars()));
        facts.put(
                "held-out method bodies",
                "%,d, of which %,d also occur in training and are not scored"
                        .formatted(statistics.heldOutBodies(), statistics.heldOutBodiesSeen()));
        facts.put("vocabulary", "%,d tokens".formatted(run.tokenizer().vocabSize()));
        return new Corpus(sources, facts);
    }
}
