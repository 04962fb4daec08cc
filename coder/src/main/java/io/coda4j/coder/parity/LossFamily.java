package io.coda4j.coder.parity;

import io.coda4j.autograd.Autograd;
import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.diffusion.ForwardProcess;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.diffusion.MaskingForm;
import io.coda4j.diffusion.MaskingSetting;
import io.coda4j.diffusion.NoiseLevels;
import io.coda4j.diffusion.RecordedDraws;
import io.coda4j.nn.HfNames;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.json.Json;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The masked-diffusion loss and its gradients on a recorded batch, and the batch from its recorded draws. */
record LossFamily(FixtureFolder folder, Device device, Precision precision) implements Family {
    private static final Tolerance LOSS = new Tolerance.Relative(1e-6);
    private static final Tolerance.OfNorm GRADIENT = new Tolerance.OfNorm(1e-4, 1e-7);
    private static final Tolerance EXACT = new Tolerance.Exact();
    private static final String GRAD = "grad.";

    /** Small, so that these small cases cover the loss in several chunks too. */
    private static final int CHUNK_ROWS = 32;

    /** Arguments of the program. */
    public record Input(LanguageModel model, MaskedBatch batch, AttentionMask mask) {}

    /** Results of the program. */
    public record Output(Tensor loss, LanguageModel gradient) {}

    @Override
    public String label() {
        return "loss";
    }

    @Override
    public void replay(Recorder recorder) {
        try (var program = Compiled.of("loss_and_gradients", this::apply, device)) {
            for (var name : folder.stems(label(), ".json", ".safetensors")) {
                recorder.group(name, EXACT, () -> replay(name, program, recorder));
            }
        }
    }

    private void replay(String name, Compiled<Input, Output> program, Recorder recorder) {
        var description = folder.json("loss/" + name + ".json").asObject();
        var model = description.member("model").asString();
        var config = CodaConfig.read(folder.model(model)).withAttention(folder.attention(model));
        RecordedBatch.requireMaskToken(config, "model " + model);
        try (var recorded = folder.tensors("loss/" + name + ".safetensors")) {
            recorder.group(name + " (a)", LOSS, () -> {
                var weights = ModelFolder.load(folder.model(model), device).model();
                var batch = RecordedBatch.read(recorded, "", "targets", config);
                // As many as could ever be scored, so that cases of one size share a program.
                int size = batch.batch().noisyIds().length;
                var out = program.apply(new Input(weights, batch.operands(size, device), config.attention()));
                compare(name, out, batch.scored().count(), config, recorded, recorder);
            });
            recorder.check(name + " (b) draws", EXACT, comparison -> {
                draws(description, config, recorded, comparison);
            });
        }
    }

    private Output apply(Input in) {
        var loss = new MaskedDiffusionLoss(in.mask, CHUNK_ROWS, false);
        var result = Autograd.valueAndGrad(
                model -> loss.apply(inPrecision(model), in.batch).loss(), in.model);
        return new Output(result.value(), result.gradient());
    }

    private LanguageModel inPrecision(LanguageModel model) {
        return precision == Precision.BF16 ? model.as(DType.BF16) : model;
    }

    private void compare(
            String name, Output out, int scored, CodaConfig config, RecordedTensors recorded, Recorder recorder) {
        var bounds = Bf16Bounds.of(config.transformer());
        var loss = precision == Precision.F32 ? LOSS : new Tolerance.Relative(bounds.loss(Math.max(1, scored)));
        recorder.check(name + " (a) loss", loss, comparison -> {
            var expected = recorded.floats("loss", 1);
            comparison.check("loss", Values.of(new long[0], expected), Values.of(out.loss), loss);
        });
        var limit = precision == Precision.F32 ? GRADIENT : new Tolerance.OfNorm(bounds.gradient(), GRADIENT.slack());
        recorder.check(name + " (a) gradients", limit, comparison -> {
            compareGradients(recorded, out.gradient, limit, comparison);
        });
    }

    private static void compareGradients(
            RecordedTensors recorded, LanguageModel gradient, Tolerance tolerance, Comparison comparison) {
        var unknown = new TreeSet<String>();
        recorded.names().stream().filter(tensor -> tensor.startsWith(GRAD)).forEach(unknown::add);
        var gradients = new LinkedHashMap<String, Tensor>();
        Tree.leaves(gradient).forEach((path, leaf) -> gradients.put(GRAD + HfNames.key(path), leaf));
        unknown.removeAll(gradients.keySet());
        if (!unknown.isEmpty()) {
            throw new ParityException(recorded.file() + ": gradients of no parameter of the model: " + unknown);
        }
        gradients.forEach((key, leaf) -> comparison.check(key, recorded.values(key), Values.of(leaf), tolerance));
    }

    private static void draws(
            Json.Obj description, CodaConfig config, RecordedTensors recorded, Comparison comparison) {
        var process =
                new ForwardProcess(config.maskToken(), config.padToken(), MaskingForm.LEGACY, NoiseLevels.INDEPENDENT);
        var shape = recorded.shape("input_ids", 2);
        var ids = recorded.tokens("input_ids", config.transformer().vocabulary(), shape);
        var draws = recordedDraws(recorded);
        var batch = process.apply(
                ids, shape[0], shape[1], srcMask(description, recorded, shape), setting(description), draws);
        long[] dims = {shape[0], shape[1]};
        exact("noisy_ids", recorded, Values.of(dims, batch.noisyIds()), comparison);
        exact("targets", recorded, Values.of(dims, batch.targets()), comparison);
        exact("sigma", recorded, Values.of(new long[] {shape[0]}, batch.sigma()), comparison);
        exact("maskable", recorded, Values.of(dims, toInts(batch.maskable())), comparison);
        if (description.members().containsKey("mask_block_size")) {
            comparison.check(
                    "mask_block_size", description.member("mask_block_size").asInt(), batch.blockSize());
        }
        if (!draws.isExhausted()) {
            throw new ParityException(recorded.file() + ": fewer draws were made than are recorded");
        }
    }

    private static void exact(String name, RecordedTensors recorded, Values got, Comparison comparison) {
        comparison.check(name, recorded.values(name), got, EXACT);
    }

    /** The draws {@code draw.0.KIND}, {@code draw.1.KIND}, and so on. */
    private static RecordedDraws recordedDraws(RecordedTensors recorded) {
        var draws = new ArrayList<RecordedDraws.Draw>();
        while (true) {
            var name = "draw." + draws.size();
            if (recorded.contains(name + ".rand")) {
                draws.add(new RecordedDraws.Uniforms(recorded.anyFloats(name + ".rand")));
            } else if (recorded.contains(name + ".randint")) {
                draws.add(new RecordedDraws.Integers(recorded.anyInts(name + ".randint")));
            } else {
                return new RecordedDraws(draws);
            }
        }
    }

    private static boolean @Nullable [] srcMask(Json.Obj description, RecordedTensors recorded, int[] shape) {
        var mode = description.members().get("mode");
        boolean isSft = mode != null && mode.asString().equals("sft");
        if (!isSft && !recorded.contains("src_mask")) {
            return null;
        }
        var ints = recorded.ints("src_mask", shape);
        var mask = new boolean[ints.length];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = ints[i] != 0;
        }
        return mask;
    }

    private static MaskingSetting setting(Json.Obj description) {
        var schedule = description.member("schedule").asObject();
        var sizes = schedule.members().getOrDefault("mask_block_sizes", new Json.Arr(List.of()));
        var eps = schedule.members().get("sampling_eps");
        return new MaskingSetting(
                schedule.member("prefix_probability").asDouble(),
                schedule.member("truncate_probability").asDouble(),
                schedule.member("block_masking_probability").asDouble(),
                sizes.isNull()
                        ? List.of()
                        : sizes.asList().stream().map(Json::asInt).toList(),
                eps == null ? MaskingSetting.DEFAULT_EPS : eps.asDouble());
    }

    private static int[] toInts(boolean[] flags) {
        var ints = new int[flags.length];
        for (int i = 0; i < flags.length; i++) {
            ints[i] = flags[i] ? 1 : 0;
        }
        return ints;
    }
}
