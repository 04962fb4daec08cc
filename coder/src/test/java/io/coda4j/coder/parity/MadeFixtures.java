package io.coda4j.coder.parity;

import io.coda4j.autograd.Autograd;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.Initialization;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.coder.train.TrainState;
import io.coda4j.coder.train.TrainStep;
import io.coda4j.diffusion.CounterDraws;
import io.coda4j.diffusion.ForwardProcess;
import io.coda4j.diffusion.LossWeighting;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.diffusion.MaskingForm;
import io.coda4j.diffusion.MaskingSetting;
import io.coda4j.diffusion.NoiseDraws;
import io.coda4j.diffusion.NoiseLevels;
import io.coda4j.diffusion.NoisedBatch;
import io.coda4j.diffusion.ScoredPositions;
import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.Denoiser;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.Sampling;
import io.coda4j.diffusion.sampling.TransferSchedule;
import io.coda4j.diffusion.sampling.Unmasking;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.nn.Adafactor;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.HfNames;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Optimizer;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.nn.View;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.cpu.CpuDevice;
import io.coda4j.tensor.spi.Device;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Writes folders of the layout of the recorded results with other sizes, names and numbers of cases. The numbers come
 * from the reference kernels, one operation at a time, and from plain loops: nothing that {@code parity} runs.
 */
final class MadeFixtures {
    static final int VOCABULARY = 43;
    static final int MASK = 41;
    private static final int PAD = 40;
    private static final int STEPS = 3;

    private final Path root;
    private final Device device = CpuDevice.reference();
    private final Eager eager = new Eager(device);
    private final CounterRandom random = new CounterRandom(20_251);
    private int draws;

    private MadeFixtures(Path root) {
        this.root = root;
    }

    /** Writes every family into {@code root}. */
    static Path write(Path root) {
        var made = new MadeFixtures(root);
        made.forward("odd", config(false, 3, 1, 6, 2), AttentionMask.FULL, 2, 11, false);
        made.forward("shared", config(true, 2, 2, 4, 3), AttentionMask.CAUSAL, 1, 5, true);
        made.loss("first", "odd", MaskingSetting.of(0.5, 0.5, 1, List.of(3)), 3, 17);
        made.loss("second", "shared", MaskingSetting.of(0, 0, 0, List.of()), 1, 40);
        made.traces("odd");
        made.distributions();
        made.transferCounts();
        made.optimizer("adamw", new AdamW(.8, .99, 1e-6, .05, true));
        made.optimizer("adafactor", new Adafactor(1e-20, .5, -.7, .01, true));
        made.write("optim/settings.json", """
                {"adamw": {"lr": 0.01, "beta1": 0.8, "beta2": 0.99, "eps": 1e-6, "weight_decay": 0.05},
                 "adafactor": {"lr": 0.01, "eps": [1e-20, 0.1], "clip_threshold": 0.5, "decay_rate": -0.7,
                               "beta1": null, "weight_decay": 0.01, "scale_parameter": false,
                               "relative_step": false}}""");
        made.write("optim/lr_schedules.json", """
                {"peak": 2, "warmup": 2, "total": 6,
                 "values": {"linear": [0, 1, 2, 1.5, 1, 0.5, 0], "constant_with_warmup": [0, 1, 2, 2, 2]}}""");
        made.train("adamw", new AdamW(.9, .95, 1e-8, .1, true), 0.7);
        made.device.close();
        return root;
    }

    private static CodaConfig config(boolean tied, int heads, int kvHeads, int headDim, int layers) {
        var transformer =
                new TransformerConfig(VOCABULARY, 20, layers, heads, kvHeads, headDim, 28, 500, 1e-5, tied, PAD);
        return new CodaConfig(transformer, MASK, -1, AttentionMask.FULL, true, 64);
    }

    // --- forward

    private void forward(
            String name, CodaConfig config, AttentionMask mask, int rows, int length, boolean hiddenStates) {
        var folder = root.resolve("forward").resolve(name);
        var model = new Initialization(0.4, false).initialize(config.transformer(), 7, device);
        ModelFolder.save(folder, config, model);
        write(
                "forward/" + name + "/case.json",
                "{\"attention\": \"" + (mask == AttentionMask.FULL ? "bidirectional" : "causal") + "\"}");
        var ids = tokens(rows * length);
        var values = new LinkedHashMap<String, Tensor>();
        eager.run(() -> {
            var input = Array.of(Shape.of(rows, length), ids).to(device);
            var hidden = model.model().apply(input, View.of(input, mask), values::put);
            values.put("logits", model.logits(hidden));
            return hidden;
        });
        if (hiddenStates) {
            int layers = config.transformer().layers();
            rename(values, "embed", "hidden.0");
            IntStream.range(1, layers).forEach(i -> rename(values, "layer." + (i - 1) + ".output", "hidden." + i));
            rename(values, "final_norm", "hidden." + layers);
            values.keySet().removeIf(key -> key.startsWith("layer."));
        }
        var writer = new SafetensorsWriter().add("input_ids", ids, rows, length);
        values.forEach((key, value) -> add(writer, key, value));
        writer.write(folder.resolve("expected.safetensors"));
    }

    private static void rename(SequencedMap<String, Tensor> values, String from, String to) {
        values.put(to, values.remove(from));
    }

    // --- loss

    private void loss(String name, String modelName, MaskingSetting setting, int rows, int length) {
        var config = CodaConfig.read(root.resolve("forward").resolve(modelName));
        var model = ModelFolder.load(root.resolve("forward").resolve(modelName), device)
                .model();
        var process = new ForwardProcess(MASK, PAD, MaskingForm.LEGACY, NoiseLevels.INDEPENDENT);
        var ids = tokens(rows * length);
        var writer = new SafetensorsWriter();
        var recording = new Recording(new CounterDraws(random, draws++, 0, rows), writer);
        var batch = process.apply(ids, rows, length, null, setting, recording);
        var mask = modelName.equals("odd") ? AttentionMask.FULL : AttentionMask.CAUSAL;
        var operands = operands(batch, config);
        var result = eager.run(() -> Autograd.valueAndGrad(
                m -> new MaskedDiffusionLoss(mask, 1000, false)
                        .apply(m, operands)
                        .loss(),
                model));
        writer.add("input_ids", ids, rows, length)
                .add("noisy_ids", batch.noisyIds(), rows, length)
                .add("targets", batch.targets(), rows, length)
                .add("sigma", batch.sigma(), rows)
                .add(
                        "maskable",
                        IntStream.range(0, ids.length)
                                .map(i -> batch.maskable()[i] ? 1 : 0)
                                .toArray(),
                        rows,
                        length)
                .add("loss", ((Array) result.value()).toFloats(), 1);
        Tree.leaves(result.gradient()).forEach((path, leaf) -> add(writer, "grad." + HfNames.key(path), leaf));
        writer.write(folder("loss").resolve(name + ".safetensors"));
        write(
                "loss/" + name + ".json",
                String.format(
                        Locale.ROOT,
                        """
                {"model": "%s", "mode": "pretrain", "mask_block_size": %d,
                 "schedule": {"prefix_probability": %s, "truncate_probability": %s,
                              "block_masking_probability": %s, "mask_block_sizes": %s}}""",
                        modelName,
                        batch.blockSize(),
                        setting.prefixProbability(),
                        setting.truncateProbability(),
                        setting.blockProbability(),
                        setting.blockSizes()));
    }

    private MaskedBatch operands(NoisedBatch batch, CodaConfig config) {
        var masked = new boolean[batch.noisyIds().length];
        for (int i = 0; i < masked.length; i++) {
            masked[i] = batch.noisyIds()[i] == MASK;
        }
        var scored = ScoredPositions.of(
                new NoisedBatch(
                        batch.rows(),
                        batch.length(),
                        batch.noisyIds(),
                        batch.targets(),
                        batch.sigma(),
                        masked,
                        masked,
                        1),
                LossWeighting.INVERSE_SIGMA,
                config.shift());
        var onHost = MaskedBatch.of(batch, scored, new int[masked.length]);
        return Tree.map(onHost, (_, leaf) -> ((Array) leaf).to(device));
    }

    /** Draws that are written down as they are made. */
    private static final class Recording implements NoiseDraws {
        private final NoiseDraws source;
        private final SafetensorsWriter writer;
        private int made;

        Recording(NoiseDraws source, SafetensorsWriter writer) {
            this.source = source;
            this.writer = writer;
        }

        @Override
        public float[] uniform(Purpose purpose, int rows, int columns) {
            var values = source.uniform(purpose, rows, columns);
            writer.add("draw." + made++ + ".rand", values, rows, columns);
            return values;
        }

        @Override
        public int[] integers(Purpose purpose, int rows, int low, int highExclusive) {
            var values = source.integers(purpose, rows, low, highExclusive);
            writer.add("draw." + made++ + ".randint", values, rows);
            return values;
        }
    }

    // --- sampler

    private void traces(String modelName) {
        var model = ModelFolder.load(root.resolve("forward").resolve(modelName), device)
                .model();
        var runs = new ArrayList<String>();
        var samplers = List.of(new Sampler.Entropy(), new Sampler.TopKMargin());
        for (int i = 0; i < samplers.size(); i++) {
            var prompt = tokens(3 + i);
            prompt[1] = MASK;
            int newTokens = 35 * i + 4;
            int steps = 5;
            var settings = UnmaskingSettings.of(MASK, samplers.get(i), steps)
                    .withSampling(new Sampling(0, .9, 0))
                    .withTransfers(new TransferSchedule.Linspace(1e-2))
                    .withHistory(true);
            var result = new Unmasking(settings).run(allLogits(model), Canvas.of(prompt, newTokens, MASK));
            runs.add(String.format(
                    Locale.ROOT,
                    """
                    {"alg": "%s", "prompt": %s, "new_tokens": %d, "steps": %d, "temperature": 0, "top_p": 0.9,
                     "top_k": null, "eps": 0.01, "history": [%s], "final": %s}""",
                    samplers.get(i).label(),
                    Arrays.toString(prompt),
                    newTokens,
                    steps,
                    result.history().stream().map(Arrays::toString).collect(Collectors.joining(",")),
                    Arrays.toString(result.canvas().tokens())));
        }
        folder("sampler");
        write(
                "sampler/traces.json",
                "{\"model\": \"" + modelName + "\", \"mask_token_id\": " + MASK + ", \"runs\": ["
                        + String.join(",", runs) + "]}");
    }

    private Denoiser allLogits(LanguageModel model) {
        return Denoiser.of(VOCABULARY, (tokens, positions, out) -> {
            var logits = eager.run(() -> (Array) model.apply(
                            Array.of(Shape.of(1, tokens.length), tokens).to(device), AttentionMask.FULL))
                    .toFloats();
            for (int n = 0; n < positions.length; n++) {
                int row = Math.max(0, positions[n] - 1);
                System.arraycopy(logits, row * VOCABULARY, out, n * VOCABULARY, VOCABULARY);
            }
        });
    }

    /** One setting without filters and one with the two most likely tokens only, by plain formulas. */
    private void distributions() {
        int rows = 2;
        int tokens = 5;
        var logits = numbers(rows * tokens, 3);
        var writer = new SafetensorsWriter().add("logits", logits, rows, tokens);
        for (int index : new int[] {0, 1}) {
            double temperature = index == 0 ? 1 : .5;
            int kept = index == 0 ? tokens : 2;
            var probs = new float[rows * tokens];
            var argmax = new int[rows];
            var max = new float[rows];
            var margin = new float[rows];
            var entropy = new float[rows];
            for (int row = 0; row < rows; row++) {
                var order = new TreeMap<Double, Integer>();
                for (int v = 0; v < tokens; v++) {
                    order.put(-(double) logits[row * tokens + v], v);
                }
                var best = List.copyOf(order.values()).subList(0, kept);
                int at = row * tokens;
                double sum = best.stream()
                        .mapToDouble(v -> Math.exp(logits[at + v] / temperature))
                        .sum();
                for (int v : best) {
                    double p = Math.exp(logits[at + v] / temperature) / sum;
                    probs[at + v] = (float) p;
                    entropy[row] += (float) (p * Math.log(p + 1e-10));
                }
                argmax[row] = best.get(0);
                max[row] = probs[at + best.get(0)];
                margin[row] = max[row] - probs[at + best.get(1)];
            }
            writer.add(index + ".probs", probs, rows, tokens)
                    .add(index + ".argmax", argmax, rows)
                    .add(index + ".max", max, rows)
                    .add(index + ".margin", margin, rows)
                    .add(index + ".neg_entropy", entropy, rows);
        }
        writer.write(folder("sampler").resolve("distributions.safetensors"));
        write("sampler/distributions.json", """
                [{"index": 0, "temperature": 1.0, "top_p": null, "top_k": null},
                 {"index": 1, "temperature": 0.5, "top_p": 1.0, "top_k": 2}]""");
    }

    private void transferCounts() {
        write("sampler/transfer_counts.json", """
                [{"masks": 9, "steps": 1, "transfers": [9]},
                 {"masks": 4, "steps": 4, "transfers": [0, 1, 1, 2]}]""");
    }

    // --- optim, train

    private void optimizer(String kind, Optimizer optimizer) {
        var shapes = new LinkedHashMap<String, Shape>();
        shapes.put("model.weight", Shape.of(3, 5));
        shapes.put("bias", Shape.of(4));
        var writer = new SafetensorsWriter();
        SequencedMap<String, Tensor> params = new LinkedHashMap<>();
        var start = shapes;
        start.forEach((name, shape) -> params.put(name, array(numbers((int) shape.size(), 1), shape)));
        params.forEach((name, value) -> add(writer, name + ".init", value));
        var moments = new LinkedHashMap<String, Tensor>();
        var types = new LinkedHashMap<String, io.coda4j.tensor.TensorType>();
        params.forEach((name, value) -> types.put(name, value.type()));
        optimizer
                .state(types)
                .forEach((name, type) -> moments.put(name, array(new float[(int) type.size()], type.shape())));
        var current = new Optimizer.Update(params, moments);
        for (int step = 0; step < STEPS; step++) {
            var gradients = new LinkedHashMap<String, Tensor>();
            shapes.forEach((name, shape) -> gradients.put(name, array(numbers((int) shape.size(), 1), shape)));
            var scalars = optimizer.scalars(step + 1, .01);
            var before = current;
            current = eager.run(() -> optimizer.update(
                    before.params(), gradients, before.state(), array(scalars, Shape.of(scalars.length))));
            int s = step;
            gradients.forEach((name, value) -> add(writer, name + ".grad." + s, value));
            current.params().forEach((name, value) -> add(writer, name + ".param." + s, value));
        }
        writer.write(folder("optim").resolve(kind + ".safetensors"));
    }

    private void train(String name, Optimizer optimizer, double clip) {
        var folder = root.resolve("forward/odd");
        var loaded = ModelFolder.load(folder, device);
        var step = new TrainStep(new MaskedDiffusionLoss(AttentionMask.FULL, 1000, false), optimizer, clip);
        var writer = new SafetensorsWriter();
        Tree.leaves(loaded.model()).forEach((path, leaf) -> add(writer, "init." + HfNames.key(path), leaf));
        var state = TrainState.start(loaded.model(), optimizer, device);
        var losses = new double[STEPS];
        int rows = 2;
        int length = 9;
        for (int s = 0; s < STEPS; s++) {
            var ids = tokens(rows * length);
            var process = new ForwardProcess(MASK, PAD, MaskingForm.LEGACY, NoiseLevels.INDEPENDENT);
            var noise = new CounterDraws(random, draws++, 0, rows);
            var batch = process.apply(ids, rows, length, null, MaskingSetting.TOKENS, noise);
            var scalars = optimizer.scalars(s + 1, .02);
            var input = new TrainStep.Input(
                    state, operands(batch, loaded.config()), array(scalars, Shape.of(scalars.length)));
            var out = eager.run(() -> step.apply(input));
            losses[s] = ((Array) out.loss()).item();
            state = out.state();
            writer.add("step." + s + ".input_ids", ids, rows, length)
                    .add("step." + s + ".noisy_ids", batch.noisyIds(), rows, length)
                    .add("step." + s + ".sigma", batch.sigma(), rows);
        }
        Tree.leaves(state.model()).forEach((path, leaf) -> add(writer, "final." + HfNames.key(path), leaf));
        writer.write(folder("train").resolve(name + ".safetensors"));
        write(
                "train/" + name + ".json",
                String.format(Locale.ROOT, """
                {"config": %s, "optimizer": "adamw", "lr": 0.02, "betas": [0.9, 0.95], "weight_decay": 0.1,
                 "clip": %s, "losses": %s}""", read(folder.resolve("config.json")), clip, Arrays.toString(losses)));
    }

    // --- numbers and files

    private int[] tokens(int count) {
        int draw = draws++;
        return IntStream.range(0, count)
                .map(i -> random.uniformInt(Purpose.TEST, draw, 0, i, 0, PAD))
                .toArray();
    }

    private float[] numbers(int count, double scale) {
        int draw = draws++;
        var values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (scale * (2 * random.uniformDouble(Purpose.TEST, draw, 0, i) - 1));
        }
        return values;
    }

    private Array array(float[] values, Shape shape) {
        return Array.of(shape, values).to(device);
    }

    private static void add(SafetensorsWriter writer, String name, Tensor value) {
        var shape = Arrays.stream(value.shape().dims()).asLongStream().toArray();
        writer.add(name, ((Array) value).toFloats(), shape);
    }

    private Path folder(String family) {
        try {
            return Files.createDirectories(root.resolve(family));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void write(String path, String text) {
        try {
            Files.writeString(root.resolve(path), text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
