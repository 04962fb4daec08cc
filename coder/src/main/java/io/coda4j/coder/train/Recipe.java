package io.coda4j.coder.train;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.Initialization;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.BpeTrainer;
import io.coda4j.coder.tokenizer.TokenizerException;
import io.coda4j.diffusion.LossWeighting;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.diffusion.MaskingForm;
import io.coda4j.diffusion.MaskingPlan;
import io.coda4j.diffusion.MaskingPreset;
import io.coda4j.diffusion.MaskingSchedule;
import io.coda4j.diffusion.MaskingSetting;
import io.coda4j.diffusion.NoiseLevels;
import io.coda4j.diffusion.PromptAnneal;
import io.coda4j.diffusion.TrainingStage;
import io.coda4j.nn.Adafactor;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.ModelSharding;
import io.coda4j.nn.Optimizer;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.nn.schedule.Schedule;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Mesh;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Everything that decides the outcome of a training run, as read from a recipe file; {@link RecipeFile} has the
 * defaults.
 */
public record Recipe(
        long seed,
        Corpus corpus,
        Tokenizer tokenizer,
        Model model,
        Batch batch,
        Masking masking,
        Loss loss,
        Passes passes,
        OptimizerChoice optimizer,
        ScheduleChoice schedule,
        Run run) {
    /**
     * Training text.
     *
     * @param source {@code lang3}, {@code mix}, or a folder
     */
    public record Corpus(String source) {}

    /** A byte-level BPE trained on the corpus. */
    public record Tokenizer(int vocabulary) {}

    /** Dimensions of the transformer, see {@link TransformerConfig}, and how its weights begin. */
    public record Model(
            int hidden,
            int layers,
            int heads,
            int keyValueHeads,
            int headDim,
            int intermediate,
            boolean tied,
            boolean shift,
            double ropeTheta,
            double normEps,
            Initialization init) {}

    /**
     * Rows of {@code length} tokens per step.
     *
     * @param segmentAttention whether tokens see only their own document
     */
    public record Batch(int rows, int length, boolean segmentAttention) {}

    /** How masking probabilities change over the run. */
    public enum Course {
        CONSTANT,
        LINEAR
    }

    /**
     * The forward process: a preset for a stage, or probabilities of its own.
     *
     * @param preset null for the values below
     * @param stage of the preset; not fine-tuning, which needs texts with prompts
     * @param epochs of the preset's stage
     * @param rampSteps steps over which {@code LINEAR} probabilities rise
     * @param blockSizes one list, or one per phase of equal length
     */
    public record Masking(
            @Nullable MaskingPreset preset,
            TrainingStage stage,
            int epochs,
            MaskingForm form,
            Course course,
            long rampSteps,
            double prefix,
            double truncate,
            double block,
            List<List<Integer>> blockSizes,
            double eps,
            NoiseLevels noiseLevels) {}

    /** The loss; see {@link io.coda4j.diffusion.MaskedDiffusionLoss}. */
    public record Loss(LossWeighting weighting, int chunkRows, int scoreBucket) {}

    /** How a pass goes through the layers. */
    public enum Layers {
        /** One after the other: what a device wants that runs operations as they come. */
        UNROLLED,

        /** As one loop over stacked weights: what a compiler wants, because it then compiles one layer. */
        SCAN
    }

    /** The element type in which passes compute; weights and moments are F32. */
    public enum ComputeType {
        F32,
        BF16
    }

    /**
     * How the passes of a step are made; results agree up to rounding.
     *
     * @param checkpointLayers whether the backward pass computes each layer again instead of keeping its values
     * @param mesh the devices over which a step is spread, as {@link Mesh#parse} reads them, or null for one
     */
    public record Passes(
            Layers layers,
            boolean checkpointLayers,
            ComputeType compute,
            @Nullable String mesh) {}

    /** The rules an optimiser can follow. */
    public enum Rule {
        ADAMW,
        ADAFACTOR
    }

    /** The optimiser and the limit on the gradients' norm (0: none). */
    public record OptimizerChoice(
            Rule name, double beta1, double beta2, double eps, double weightDecay, boolean decayVectors, double clip) {}

    /** Shapes of the learning rate. */
    public enum Shape {
        CONSTANT,
        LINEAR,
        COSINE,
        WSD
    }

    /**
     * The learning rate.
     *
     * @param warmup part of the run in which the rate rises to {@code peak}
     * @param decay part of the run in which a {@code WSD} rate falls
     * @param floor part of the peak that is left at the end; 0 for {@code CONSTANT}, which stays at the peak
     */
    public record ScheduleChoice(Shape name, double peak, double warmup, double decay, double floor) {}

    /**
     * Length and rhythm of the run.
     *
     * @param steps length in steps, or 0
     * @param minutes length in minutes of training, or 0; exactly one of the two is given
     * @param evaluateEvery steps between evaluations on held-out files, or 0
     * @param evaluationBlocks rows of an evaluation during training
     * @param checkpointEvery steps between checkpoints, or 0 for one at the end
     * @param keepCheckpoints how many of the latest checkpoints stay
     */
    public record Run(
            long steps,
            double minutes,
            int evaluateEvery,
            int evaluationBlocks,
            int checkpointEvery,
            int keepCheckpoints) {}

    /**
     * Checked settings.
     *
     * @throws RecipeException naming the setting and what it may be
     */
    public Recipe(
            long seed,
            Corpus corpus,
            Tokenizer tokenizer,
            Model model,
            Batch batch,
            Masking masking,
            Loss loss,
            Passes passes,
            OptimizerChoice optimizer,
            ScheduleChoice schedule,
            Run run) {
        this.seed = seed;
        this.corpus = corpus;
        this.tokenizer = tokenizer;
        this.model = model;
        this.batch = batch;
        this.masking = masking;
        this.loss = loss;
        this.passes = passes;
        this.optimizer = optimizer;
        this.schedule = schedule;
        this.run = run;
        checkSizes();
        checkRun();
        checkRates();
        // What the parts check themselves must be wrong here, not after minutes of preparation.
        built("tokenizer.vocabulary", () -> BpeTrainer.ofSize(tokenizer.vocabulary()));
        built("model", () -> transformer(Integer.MAX_VALUE / 64 * 64, 0));
        built("masking", () -> maskingPlan().schedule().at(0));
        built("optimizer", this::rule);
        built("schedule", this::learningRate);
        // The vocabulary is not known yet: one that every mesh divides.
        mesh().ifPresent(mesh -> requireDivided(mesh, transformer(Math.multiplyExact(64, mesh.devices()), 0)));
    }

    /**
     * Checks that a mesh divides what a step over a model splits.
     *
     * @throws RecipeException naming the first value that it does not divide
     */
    void requireDivided(Mesh mesh, TransformerConfig transformer) {
        int parts = mesh.parts(ModelSharding.rowAxis(mesh));
        if (batch.rows() % parts != 0) {
            throw new RecipeException("batch.rows: mesh axis " + ModelSharding.rowAxis(mesh) + "=" + parts
                    + " does not divide the " + batch.rows() + " rows of a step; choose a multiple of " + parts
                    + ", such as " + Math.ceilDiv(batch.rows(), parts) * parts + ", or another passes.mesh");
        }
        built("passes.mesh", () -> {
            var model = transformer.build(DType.F32, (_, type) -> new Symbol(type));
            var moments = new LinkedHashMap<String, Tensor>();
            TrainState.momentTypes(model, rule()).forEach((name, type) -> moments.put(name, new Symbol(type)));
            var plan = new ShardingPlan(mesh, ModelSharding.withState(ModelSharding.parameters(mesh), rule()));
            Tree.leaves(new TrainState(model, moments)).forEach((path, leaf) -> plan.axes(path, leaf.type()));
        });
    }

    private void checkSizes() {
        built("passes.mesh", this::mesh);
        if (masking.stage() == TrainingStage.FINETUNE) {
            throw new RecipeException(
                    "masking.stage: fine-tuning leaves prompts unmasked, and a corpus of files has none;"
                            + " choose pretrain or midtrain");
        }
        positive("batch.rows", batch.rows());
        atLeast("batch.length", batch.length(), 2);
        if ((long) batch.rows() * batch.length() > Integer.MAX_VALUE) {
            throw new RecipeException(
                    "batch: rows times length must be below 2^31, got " + batch.rows() + " times " + batch.length());
        }
        positive("loss.scoreBucket", loss.scoreBucket());
        positive("loss.chunkRows", loss.chunkRows());
        atLeast("run.evaluateEvery", run.evaluateEvery(), 0);
        positive("run.evaluationBlocks", run.evaluationBlocks());
        atLeast("run.checkpointEvery", run.checkpointEvery(), 0);
        positive("run.keepCheckpoints", run.keepCheckpoints());
    }

    private void checkRun() {
        if (run.steps() > 0 == run.minutes() > 0 || run.steps() < 0 || run.minutes() < 0) {
            throw new RecipeException("run: give either steps or minutes, the other 0; got steps " + run.steps()
                    + " and minutes " + run.minutes());
        }
        if (run.steps() > Integer.MAX_VALUE || !Double.isFinite(run.minutes())) {
            throw new RecipeException("run: must end; got steps " + run.steps() + " and minutes " + run.minutes());
        }
        if (run.minutes() > 0
                && (masking.preset() != null || masking.blockSizes().size() > 1)) {
            throw new RecipeException("run: masking that changes over the run needs run.steps instead of run.minutes");
        }
    }

    private void checkRates() {
        share("schedule.warmup", schedule.warmup());
        share("schedule.decay", schedule.decay());
        if (schedule.peak() > Float.MAX_VALUE) {
            throw new RecipeException(
                    "schedule.peak: a step multiplies in F32, which has nothing beyond %s, got %s; 1e-5 to 1e-2 are usual"
                            .formatted(Float.MAX_VALUE, schedule.peak()));
        }
        if (!(optimizer.clip() >= 0)) {
            throw new RecipeException("optimizer.clip: must be positive, or 0 for none, got " + optimizer.clip());
        }
        if (!(model.init().deviation() >= 0) || Double.isInfinite(model.init().deviation())) {
            throw new RecipeException("model.init.deviation: must be finite and not negative, got "
                    + model.init().deviation());
        }
    }

    private static void positive(String name, long value) {
        atLeast(name, value, 1);
    }

    private static void atLeast(String name, long value, long least) {
        if (value < least) {
            throw new RecipeException(name + ": must be at least " + least + ", got " + value);
        }
    }

    private static void share(String name, double value) {
        if (!(value >= 0 && value <= 1)) {
            throw new RecipeException(name + ": must be a part of the run in [0, 1], got " + value);
        }
    }

    private static void built(String section, Runnable part) {
        try {
            part.run();
        } catch (IllegalArgumentException | TokenizerException e) {
            throw new RecipeException(section + ": " + e.getMessage(), e);
        }
    }

    /** How long the run lasts. */
    public Budget budget() {
        return run.steps() > 0
                ? new Budget.Steps(run.steps())
                : new Budget.Time((long) Math.ceil(run.minutes() * 60_000));
    }

    /** This recipe with another length of the run. */
    public Recipe lasting(Budget budget) {
        var length = switch (budget) {
            case Budget.Steps(long total) -> new double[] {total, 0};
            case Budget.Time(long total) -> new double[] {0, total / 60_000.0};
        };
        return with(new Run(
                (long) length[0],
                length[1],
                run.evaluateEvery(),
                run.evaluationBlocks(),
                run.checkpointEvery(),
                run.keepCheckpoints()));
    }

    private Recipe with(Run other) {
        return new Recipe(seed, corpus, tokenizer, model, batch, masking, loss, passes, optimizer, schedule, other);
    }

    /** This recipe with another seed. */
    public Recipe seeded(long other) {
        return new Recipe(other, corpus, tokenizer, model, batch, masking, loss, passes, optimizer, schedule, run);
    }

    /** This recipe with passes that compute in {@code type}. */
    public Recipe computingIn(ComputeType type) {
        return with(new Passes(passes.layers, passes.checkpointLayers, type, passes.mesh));
    }

    /** This recipe on another mesh, or on one device if {@code mesh} is null. */
    public Recipe onMesh(@Nullable String mesh) {
        return with(new Passes(passes.layers, passes.checkpointLayers, passes.compute, mesh));
    }

    private Recipe with(Passes other) {
        return new Recipe(seed, corpus, tokenizer, model, batch, masking, loss, other, optimizer, schedule, run);
    }

    /**
     * Whether a run of the other recipe would be the same up to rounding, so that this one's can go on where it is: on
     * another mesh it would.
     */
    boolean continues(Recipe other) {
        return onMesh(null).equals(other.onMesh(null));
    }

    /** The devices over which a step is spread, or empty for one. */
    public Optional<Mesh> mesh() {
        return Optional.ofNullable(passes.mesh).map(Mesh::parse);
    }

    /** This recipe with another corpus. */
    public Recipe reading(String source) {
        return new Recipe(
                seed, new Corpus(source), tokenizer, model, batch, masking, loss, passes, optimizer, schedule, run);
    }

    /** The configuration of the model to train with {@code tokens}. */
    public CodaConfig config(BpeTokenizer tokens) {
        // Rows in multiples of 64 keep the head's matrix product free of ragged edges.
        int rows = Math.ceilDiv(tokens.vocabSize(), 64) * 64;
        return new CodaConfig(
                transformer(rows, tokens.padId()),
                tokens.maskId(),
                tokens.eosId(),
                AttentionMask.FULL,
                model.shift(),
                batch.length());
    }

    private TransformerConfig transformer(int vocabularyRows, int padToken) {
        return new TransformerConfig(
                vocabularyRows,
                model.hidden(),
                model.layers(),
                model.heads(),
                model.keyValueHeads(),
                model.headDim(),
                model.intermediate(),
                model.ropeTheta(),
                model.normEps(),
                model.tied(),
                padToken);
    }

    /** The forward process over the run. */
    public MaskingPlan maskingPlan() {
        if (masking.preset() != null) {
            return masking.preset().plan(masking.stage(), run.steps(), masking.epochs());
        }
        var setting = new MaskingSetting(
                masking.prefix(), masking.truncate(), masking.block(), firstBlockSizes(), masking.eps());
        MaskingSchedule course = switch (masking.course()) {
            case CONSTANT -> new MaskingSchedule.Constant(setting);
            case LINEAR -> new MaskingSchedule.Linear(setting, masking.rampSteps());
        };
        var phases = masking.blockSizes().size() > 1
                ? new MaskingSchedule.Phases(course, masking.blockSizes(), run.steps())
                : course;
        return new MaskingPlan(masking.form(), phases, new PromptAnneal(0, Math.max(1, run.steps())));
    }

    private List<Integer> firstBlockSizes() {
        return masking.blockSizes().isEmpty() ? List.of() : masking.blockSizes().getFirst();
    }

    /** The optimiser. */
    public Optimizer rule() {
        return switch (optimizer.name()) {
            case ADAMW ->
                new AdamW(
                        optimizer.beta1(),
                        optimizer.beta2(),
                        optimizer.eps(),
                        optimizer.weightDecay(),
                        optimizer.decayVectors());
            case ADAFACTOR -> Adafactor.decaying(optimizer.weightDecay(), optimizer.decayVectors());
        };
    }

    /** The limit on the gradients' norm. */
    public double clipNorm() {
        return optimizer.clip() == 0 ? Double.POSITIVE_INFINITY : optimizer.clip();
    }

    /** One update of a model of {@code config}. */
    public TrainStep trainStep(CodaConfig config) {
        var loss = new MaskedDiffusionLoss(config.attention(), this.loss.chunkRows(), passes.checkpointLayers());
        var step = new TrainStep(loss, rule(), clipNorm());
        return switch (passes.compute()) {
            case F32 -> step;
            case BF16 -> step.computingIn(DType.BF16);
        };
    }

    /** The learning rate over positions of {@link #budget}. */
    public Schedule learningRate() {
        long total = budget().total();
        long warmup = Math.round(schedule.warmup() * total);
        return switch (schedule.name()) {
            case CONSTANT -> new Schedule.ConstantWithWarmup(schedule.peak(), warmup);
            case LINEAR -> new Schedule.Linear(schedule.peak(), warmup, total, schedule.floor());
            case COSINE -> new Schedule.Cosine(schedule.peak(), warmup, total, schedule.floor());
            case WSD ->
                new Schedule.WarmupStableDecay(
                        schedule.peak(), warmup, Math.round(schedule.decay() * total), total, schedule.floor());
        };
    }
}
