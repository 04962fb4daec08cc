package io.coda4j.coder.parity;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.train.TrainState;
import io.coda4j.coder.train.TrainStep;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.HfNames;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Optimizer;
import io.coda4j.nn.json.Json;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import java.util.ArrayList;
import java.util.List;

/** Some dozens of training steps on recorded batches: the loss before each, and the weights after the last. */
record TrainFamily(FixtureFolder folder, Device device, Precision precision) implements Family {
    private static final Tolerance LOSS = new Tolerance.Relative(1e-3);
    private static final Tolerance WEIGHT = new Tolerance.OfNorm(2e-3, 0);
    private static final String HEAD = "init.lm_head.weight";
    private static final int CHUNK_ROWS = 4096;

    /** The loss before each step and the model after the last. */
    private record Outcome(double[] losses, LanguageModel model) {}

    @Override
    public String label() {
        return "train";
    }

    @Override
    public void replay(Recorder recorder) {
        for (var name : folder.stems(label(), ".json", ".safetensors")) {
            recorder.group(name, LOSS, () -> {
                var description = folder.json("train/" + name + ".json").asObject();
                try (var recorded = folder.tensors("train/" + name + ".safetensors")) {
                    replay(name, description, recorded, recorder);
                }
            });
        }
    }

    private void replay(String name, Json.Obj description, RecordedTensors recorded, Recorder recorder) {
        var losses = description.member("losses").asList().stream()
                .mapToDouble(Json::asDouble)
                .toArray();
        var config = config(name, description, recorded);
        var batches = batches(recorded, config);
        var outcome = train(description, config, batches, recorded);
        var tolerance = lossTolerance(config, batches);
        recorder.check(name + " losses", tolerance, comparison -> {
            comparison.check("losses", Values.of(losses), Values.of(outcome.losses), tolerance);
        });
        if (precision == Precision.F32) {
            compareWeights(name, outcome.model, recorded, recorder);
        } else {
            compareMovements(name, outcome.model, Bf16Bounds.of(config.transformer()), recorded, recorder);
        }
    }

    private Tolerance lossTolerance(CodaConfig config, List<RecordedBatch> batches) {
        int fewest = batches.stream()
                .mapToInt(batch -> Math.max(1, batch.scored().count()))
                .min()
                .orElseThrow();
        return precision == Precision.F32
                ? LOSS
                : new Tolerance.Relative(Bf16Bounds.of(config.transformer()).losses(fewest));
    }

    private static void compareWeights(String name, LanguageModel model, RecordedTensors recorded, Recorder recorder) {
        recorder.check(
                name + " parameters",
                WEIGHT,
                comparison -> Tree.leaves(model).forEach((path, leaf) -> {
                    var tensor = "final." + HfNames.key(path);
                    comparison.check(tensor, recorded.values(tensor), Values.of(leaf), WEIGHT);
                }));
    }

    /** How far each parameter has moved: its norm, most of which is that of its start, would hide what the steps did. */
    private static void compareMovements(
            String name, LanguageModel model, Bf16Bounds bounds, RecordedTensors recorded, Recorder recorder) {
        var tolerance = new Tolerance.OfNorm(bounds.movement(), 0);
        recorder.check(
                name + " parameters' changes",
                tolerance,
                comparison -> Tree.leaves(model).forEach((path, leaf) -> {
                    var key = HfNames.key(path);
                    var start = recorded.values("init." + key);
                    comparison.check(
                            "final - init of " + key,
                            recorded.values("final." + key).minus(start),
                            Values.of(leaf).minus(start),
                            tolerance);
                }));
    }

    private Outcome train(
            Json.Obj description, CodaConfig config, List<RecordedBatch> batches, RecordedTensors recorded) {
        var optimizer = RecordedOptimizer.of(description.member("optimizer").asString(), description);
        var clip = description.members().get("clip");
        double limit = clip == null || clip.isNull() ? Double.POSITIVE_INFINITY : clip.asDouble();
        var loss = new MaskedDiffusionLoss(config.attention(), CHUNK_ROWS, false);
        var model = config.transformer().build(DType.F32, (path, type) -> {
            return recorded.array("init." + HfNames.key(path), type, device);
        });
        double rate = description.member("lr").asDouble();
        var step = new TrainStep(loss, optimizer, limit);
        return run(precision == Precision.BF16 ? step.computingIn(DType.BF16) : step, model, batches, optimizer, rate);
    }

    /** The configuration in the description; as in model folders, a head of its own among the weights decides. */
    private CodaConfig config(String name, Json.Obj description, RecordedTensors recorded) {
        var file = folder.resolve("train/" + name + ".json");
        var config = CodaConfig.parse(description.member("config").toText(), file);
        RecordedBatch.requireMaskToken(config, file.toString());
        return config.withTied(!recorded.contains(HEAD));
    }

    private static List<RecordedBatch> batches(RecordedTensors recorded, CodaConfig config) {
        var batches = new ArrayList<RecordedBatch>();
        while (recorded.contains("step." + batches.size() + ".noisy_ids")) {
            var prefix = "step." + batches.size() + ".";
            batches.add(RecordedBatch.read(recorded, prefix, prefix + "input_ids", config));
        }
        if (batches.isEmpty()) {
            throw new ParityException(recorded.file() + ": there is no tensor step.0.noisy_ids");
        }
        return batches;
    }

    private Outcome run(
            TrainStep step, LanguageModel model, List<RecordedBatch> batches, Optimizer optimizer, double rate) {
        // One size for all steps, so that one program serves them all.
        int size = batches.stream()
                .mapToInt(batch -> Math.max(1, batch.scored().count()))
                .max()
                .orElseThrow();
        var losses = new double[batches.size()];
        var state = TrainState.start(model, optimizer, device);
        try (var program = step.compile(device)) {
            for (int i = 0; i < losses.length; i++) {
                var scalars = optimizer.scalars(i + 1, rate);
                var out = program.apply(new TrainStep.Input(
                        state,
                        batches.get(i).operands(size, device),
                        Operands.floats(device, scalars, scalars.length)));
                losses[i] = ((Array) out.loss()).item();
                state = out.state();
            }
        }
        return new Outcome(losses, state.model());
    }
}
