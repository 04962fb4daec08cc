package io.coda4j.coder.train;

import io.coda4j.coder.corpus.ArtifactStore;
import io.coda4j.coder.corpus.Corpus;
import io.coda4j.coder.corpus.CorpusCatalogue;
import io.coda4j.coder.corpus.FetchListener;
import io.coda4j.coder.corpus.SkippedFile;
import io.coda4j.coder.corpus.Split;
import io.coda4j.coder.files.AtomicFile;
import io.coda4j.coder.metrics.MetricsLog;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.BpeTrainer;
import io.coda4j.coder.tokenizer.TokenizerJson;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.ModelSharding;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A training run and its folder: corpus and tokenizer made ready, state new or from the latest checkpoint.
 *
 * <pre>
 * DIR/.lock                  held while a run goes on
 * DIR/recipe.yaml            the recipe
 * DIR/model/                 tokenizer.json; config.json and model.safetensors at the end
 * DIR/checkpoints/step-N/    what a killed run resumes from
 * </pre>
 */
public final class TrainingRun implements AutoCloseable {
    /** Files that hold source code, where the corpus is a folder. */
    private static final Set<String> EXTENSIONS = Set.of("java");

    private static final String MODEL = "model";

    private static final int SHOWN_SKIPPED = 5;

    private final Path folder;
    private final RunLock lock;
    private final Recipe recipe;
    private final Corpus corpus;
    private final BpeTokenizer tokenizer;
    private final CodaConfig config;
    private final EncodedCorpus heldOut;
    private final HeldOutEvaluation evaluation;
    private final TokenBlocks blocks;
    private final Checkpoints checkpoints;
    private final Device device;
    private final TrainState start;
    private final Checkpoints.@Nullable Position position;

    private TrainingRun(
            Path folder,
            RunLock lock,
            Recipe recipe,
            Checkpoints checkpoints,
            Optional<Path> latest,
            Device device,
            Consumer<String> notes) {
        this.folder = folder;
        this.lock = lock;
        this.recipe = recipe;
        this.device = device;
        this.checkpoints = checkpoints;
        this.corpus = readCorpus(recipe.corpus().source(), notes);
        notes.accept(corpus.statistics().toString());
        noteSkipped(corpus.statistics().skipped(), notes);
        this.tokenizer = latest.isPresent() ? TokenizerJson.read(tokenizerFile()) : trainTokenizer(notes);
        this.config = recipe.config(tokenizer);
        var train = EncodedCorpus.of(corpus.train(), tokenizer);
        this.heldOut = EncodedCorpus.of(corpus.heldOut(), tokenizer);
        notes.accept("%,d training tokens, %,d held out; model of %,d parameters"
                .formatted(
                        train.tokens().length,
                        heldOut.tokens().length,
                        config.transformer().parameters()));
        device.mesh().ifPresent(mesh -> recipe.requireDivided(mesh, config.transformer()));
        int length = recipe.batch().length();
        // One more, because each epoch cuts the rows at another offset.
        requireRows(2, "training", train, length);
        requireRows(1, "held-out", heldOut, length);
        this.blocks = new TokenBlocks(train.tokens(), length, recipe.seed());
        this.evaluation = new HeldOutEvaluation(
                heldOut, new NeighbourBaseline(train.tokens()), config, length, recipe.seed(), device);
        // No device of a mesh need have room for the whole.
        var home = device.mesh().isPresent() ? Devices.defaultDevice() : device;
        try (var scope = Scope.open()) {
            if (latest.isPresent()) {
                var loaded = Checkpoints.load(latest.get(), recipe, blocks.fingerprint(), home);
                requireSameModel(latest.get(), loaded.config());
                this.position = loaded.position();
                this.start = scope.keep(prepared(loaded.state()));
                notes.accept("going on after step " + loaded.position().step());
            } else {
                this.position = null;
                var model = recipe.model().init().initialize(config.transformer(), recipe.seed(), home);
                this.start = scope.keep(prepared(TrainState.start(model, recipe.rule(), home)));
            }
        }
    }

    /** The first few by name: who sees why they were left out knows of the others too. */
    private static void noteSkipped(List<SkippedFile> skipped, Consumer<String> notes) {
        skipped.stream()
                .limit(SHOWN_SKIPPED)
                .forEach(file -> notes.accept("  left out " + file.name() + ": " + file.reason()));
        if (skipped.size() > SHOWN_SKIPPED) {
            notes.accept("  and " + (skipped.size() - SHOWN_SKIPPED) + " more");
        }
    }

    /** The state with its layers as the recipe's passes take them, split as its steps will. */
    private TrainState prepared(TrainState state) {
        var layered = switch (recipe.passes().layers()) {
            case UNROLLED -> state;
            case SCAN -> state.stacked();
        };
        return device.mesh()
                .map(mesh -> recipe.trainStep(config).sharding(mesh, List.of()).place(layered, device))
                .orElse(layered);
    }

    /**
     * Makes a run of {@code recipe} ready in {@code folder}.
     *
     * @param resume go on from the latest checkpoint, if there is one
     * @param notes receives a line about each thing done
     * @throws RecipeException if another run is going on in the folder; if it holds a run and {@code resume} is not
     *     set, or one with another recipe or text; or if there is too little text
     */
    public static TrainingRun prepare(
            Path folder, Recipe recipe, boolean resume, Device device, Consumer<String> notes) {
        AtomicFile.checkFolder(folder);
        var lock = RunLock.take(folder);
        try {
            return prepare(folder, lock, recipe, resume, device, notes);
        } catch (RuntimeException | Error e) {
            lock.abandon(e);
            throw e;
        }
    }

    private static TrainingRun prepare(
            Path folder, RunLock lock, Recipe recipe, boolean resume, Device device, Consumer<String> notes) {
        var checkpoints =
                new Checkpoints(folder.resolve("checkpoints"), recipe.run().keepCheckpoints());
        var latest = checkpoints.latest();
        if (!resume) {
            requireUnused(folder, latest);
        }
        var file = folder.resolve("recipe.yaml");
        if (resume && Files.exists(file)) {
            requireSame(file, recipe);
        }
        var run = new TrainingRun(folder, lock, recipe, checkpoints, latest, device, notes);
        // Only now, so that a run which cannot begin leaves nothing behind.
        AtomicFile.createFolder(run.modelFolder());
        AtomicFile.write(file, RecipeFile.write(recipe));
        if (latest.isEmpty()) {
            TokenizerJson.write(run.tokenizer, run.tokenizerFile());
        }
        AtomicFile.clearUnfinished(folder);
        AtomicFile.clearUnfinished(run.modelFolder());
        checkpoints.clearUnfinished();
        return run;
    }

    private static void requireUnused(Path folder, Optional<Path> latest) {
        var trace = latest.map(checkpoint -> checkpoint.getFileName().toString());
        if (trace.isEmpty() && MetricsLog.isStarted(folder)) {
            trace = Optional.of(MetricsLog.FILE_NAME);
        }
        if (trace.isPresent()) {
            throw new RecipeException(folder + ": holds a run already (" + trace.get()
                    + "); add --resume to go on with it, or choose another folder with --out");
        }
        var model = folder.resolve(MODEL);
        // What every model has, in one file or several; a run that has not ended has the tokenizer alone.
        if (Files.exists(model.resolve("config.json"))) {
            throw new RecipeException(model + ": holds a model already, which the run would replace; move it away, or"
                    + " choose another folder with --out");
        }
    }

    private static void requireRows(int least, String kind, EncodedCorpus text, int length) {
        if (text.tokens().length / length < least) {
            throw new RecipeException("corpus: " + text.tokens().length + " tokens of " + kind
                    + " text are too few for rows of batch.length " + length
                    + "; use more files (about one in ten is held out, chosen by its name) or shorter rows");
        }
    }

    private static void requireSame(Path file, Recipe recipe) {
        var stored = RecipeFile.read(file);
        if (!recipe.continues(stored)) {
            throw new RecipeException(file + ": the run was started with another recipe, and would not be the same run;"
                    + " resume with this file as --config, or choose another folder with --out");
        }
    }

    private void requireSameModel(Path checkpoint, CodaConfig stored) {
        if (!stored.equals(config)) {
            throw new RecipeException(checkpoint.resolve("config.json") + ": describes another model than the recipe, "
                    + stored + " instead of " + config + "; restore the file, or delete " + checkpoint
                    + " to go on from an earlier checkpoint");
        }
    }

    private static boolean isNamed(String source) {
        return Arrays.stream(CorpusCatalogue.values())
                .anyMatch(corpus -> corpus.key().equals(source));
    }

    /**
     * The corpus that {@code source} names: one of the {@link CorpusCatalogue}, or a folder.
     *
     * @param notes receives a line about each thing done
     */
    public static Corpus readCorpus(String source, Consumer<String> notes) {
        if (!isNamed(source) && Files.exists(path(source))) {
            return Corpus.ofFolder(path(source), EXTENSIONS, Split.DEFAULT);
        }
        var named = CorpusCatalogue.named(source);
        notes.accept("corpus " + named.key() + " (" + named.licences() + ")");
        var store = ArtifactStore.ofUser(new FetchListener() {
            @Override
            public void note(String line) {
                notes.accept(line);
            }
        });
        return Corpus.ofArtifacts(named.artifacts(), store, Split.DEFAULT);
    }

    private static Path path(String source) {
        try {
            return Path.of(source);
        } catch (InvalidPathException e) {
            throw new RecipeException("corpus.source: is neither a known name nor a path: " + e.getReason(), e);
        }
    }

    private Path tokenizerFile() {
        return modelFolder().resolve("tokenizer.json");
    }

    private BpeTokenizer trainTokenizer(Consumer<String> notes) {
        notes.accept("training a tokenizer of " + recipe.tokenizer().vocabulary() + " tokens");
        var texts = corpus.train().stream().map(source -> source.text()).toList();
        return BpeTrainer.ofSize(recipe.tokenizer().vocabulary()).train(texts, (done, total) -> {});
    }

    /** The text the run learns from. */
    public Corpus corpus() {
        return corpus;
    }

    /** The licences of the corpus, where they are known. */
    public String licences() {
        return isNamed(recipe.corpus().source())
                ? CorpusCatalogue.named(recipe.corpus().source()).licences()
                : "as the files say";
    }

    /** The tokenizer of the run. */
    public BpeTokenizer tokenizer() {
        return tokenizer;
    }

    /** The model's configuration. */
    public CodaConfig config() {
        return config;
    }

    /** The held-out text as tokens. */
    public EncodedCorpus heldOut() {
        return heldOut;
    }

    /** The evaluation on held-out text. */
    public HeldOutEvaluation evaluation() {
        return evaluation;
    }

    /** Steps done before this process started. */
    public long firstStep() {
        return position == null ? 0 : position.step();
    }

    /** Tokens of text read before this process started. */
    public long firstTokens() {
        return position == null ? 0 : position.rows() * recipe.batch().length();
    }

    /** Whether no step was left when this process started. */
    public boolean isTrained() {
        return recipe.budget().isUsedUp(firstStep(), elapsed().toMillis());
    }

    /** Time spent training before this process started. */
    public Duration elapsed() {
        return Duration.ofMillis(position == null ? 0 : position.millis());
    }

    /** Where the finished model is written. */
    public Path modelFolder() {
        return folder.resolve(MODEL);
    }

    /** Trains to the end of the budget, writes the model, and gives it. */
    public LanguageModel train(TrainingListener listener) {
        try (var trainer =
                new Trainer(recipe, config, blocks, start, position, checkpoints, evaluation, listener, device)) {
            var model = trainer.run().model().unstacked();
            ModelFolder.save(modelFolder(), config, model);
            return device.mesh()
                    .map(mesh -> new ShardingPlan(mesh, ModelSharding.parameters(mesh)).place(model, device))
                    .orElse(model);
        }
    }

    @Override
    public void close() {
        try (lock) {
            evaluation.close();
        }
    }
}
