package io.coda4j.coder.parity;

import io.coda4j.coder.generate.ModelDenoiser;
import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.Sampling;
import io.coda4j.diffusion.sampling.TokenDistribution;
import io.coda4j.diffusion.sampling.TransferSchedule;
import io.coda4j.diffusion.sampling.Unmasking;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.nn.json.Json;
import io.coda4j.tensor.spi.Device;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** Whole runs of the sampler, its distributions and its counts. */
record SamplerFamily(FixtureFolder folder, Device device, Precision precision) implements Family {
    private static final Tolerance EXACT = new Tolerance.Exact();
    private static final Tolerance PROBABILITY = new Tolerance.Absolute(1e-5);
    private static final double DEFAULT_EPS = 1e-3;

    @Override
    public String label() {
        return "sampler";
    }

    @Override
    public void replay(Recorder recorder) {
        part(recorder, "traces", EXACT, () -> traces(recorder));
        part(recorder, "distributions", PROBABILITY, () -> distributions(recorder));
        part(recorder, "transfer_counts", EXACT, () -> transferCounts(recorder));
    }

    private void part(Recorder recorder, String name, Tolerance tolerance, Runnable body) {
        if (folder.contains("sampler/" + name + ".json")) {
            recorder.group(name, tolerance, body);
        } else {
            recorder.skip("sampler/" + name + ".json is absent");
        }
    }

    private void traces(Recorder recorder) {
        var traces = folder.json("sampler/traces.json").asObject();
        var name = traces.member("model").asString();
        var loaded = ModelFolder.load(folder.model(name), device);
        var config = loaded.config().withAttention(folder.attention(name));
        int maskId = traces.member("mask_token_id").asInt();
        RecordedTensors.requireTokens("mask_token_id", config.transformer().vocabulary(), maskId);
        var runs = traces.member("runs").asList();
        if (precision == Precision.F32) {
            replayTokens(runs, maskId, loaded, config, recorder);
        } else {
            replayChoices(runs, maskId, loaded, config, recorder);
        }
    }

    private void replayTokens(List<Json> runs, int maskId, ModelFolder loaded, CodaConfig config, Recorder recorder) {
        // What is saved at every step must not change a token: neither in passes over everything nor in those that fill
        // a
        // cache.
        try (var plain = new ModelDenoiser(config, loaded.model(), device);
                var cached = new ModelDenoiser(config, loaded.model(), device, new Caching.Dual(1))) {
            for (int i = 0; i < runs.size(); i++) {
                var run = runs.get(i);
                recorder.check(traceName(i, run), EXACT, comparison -> {
                    trace(run.asObject(), maskId, plain, "", comparison);
                    trace(run.asObject(), maskId, cached, " with a cache renewed at every step", comparison);
                });
            }
        }
    }

    /**
     * Roundings may turn the choice between two tokens that are as good as equally likely, and everything after it. So each
     * step starts from the recorded tokens, and those that it committed must be the best within what roundings can do to two
     * logits.
     */
    private void replayChoices(List<Json> runs, int maskId, ModelFolder loaded, CodaConfig config, Recorder recorder) {
        var tolerance =
                new Tolerance.OfLargest(2 * Bf16Bounds.of(config.transformer()).logits(), 0);
        var model = precision.prepared(loaded.model(), device);
        try (var denoiser = new ModelDenoiser(config, model, device, new Caching.None(), precision)) {
            for (int i = 0; i < runs.size(); i++) {
                var run = runs.get(i);
                recorder.check(
                        traceName(i, run),
                        tolerance,
                        comparison -> choices(run.asObject(), maskId, denoiser, tolerance, comparison));
            }
        }
    }

    private static void choices(
            Json.Obj run, int maskId, ModelDenoiser denoiser, Tolerance tolerance, Comparison comparison) {
        var trace = Trace.of(run, denoiser);
        var canvas = trace.start(maskId);
        for (int step = 0; step < trace.steps; step++) {
            var next = ints(trace.history.get(step));
            var before = canvas.tokens();
            var committed = IntStream.range(0, next.length)
                    .filter(column -> before[column] == maskId && next[column] != maskId)
                    .toArray();
            for (int column = 0; column < next.length; column++) {
                if (before[column] != maskId) {
                    comparison.check("token " + column + " after step " + step, next[column], before[column]);
                }
            }
            if (committed.length > 0) {
                var best = new double[committed.length];
                var chosen = new double[committed.length];
                denoiser.begin(canvas);
                denoiser.denoise(new DenoiseRequest(canvas, committed, step, List.of()), (first, count, logits) -> {
                    for (int n = 0; n < count; n++) {
                        int row = n * denoiser.vocabularySize();
                        best[first + n] = greatest(logits, row, denoiser.vocabularySize());
                        chosen[first + n] = logits[row + next[committed[first + n]]];
                    }
                });
                comparison.check(
                        "logits of the tokens of step " + step + ", against the greatest",
                        Values.of(best),
                        Values.of(chosen),
                        tolerance);
            }
            canvas = new Canvas(1, next.length, next);
        }
    }

    private static double greatest(float[] values, int from, int count) {
        double greatest = Double.NEGATIVE_INFINITY;
        for (int i = from; i < from + count; i++) {
            greatest = Math.max(greatest, values[i]);
        }
        return greatest;
    }

    /** A recorded run, checked. */
    private record Trace(int[] prompt, int newTokens, int steps, List<Json> history) {
        static Trace of(Json.Obj run, ModelDenoiser denoiser) {
            var prompt = ints(run.member("prompt"));
            RecordedTensors.requireTokens("prompt", denoiser.vocabularySize(), prompt);
            int newTokens = run.member("new_tokens").asInt();
            int steps = run.member("steps").asInt();
            var history = run.member("history").asList();
            requireLengths(history, steps, prompt.length + (long) newTokens);
            requireDeterministic(run);
            return new Trace(prompt, newTokens, steps, history);
        }

        Canvas start(int maskId) {
            return Canvas.of(prompt, newTokens, maskId);
        }
    }

    private static String traceName(int index, Json run) {
        var members = run instanceof Json.Obj object ? object.members() : null;
        var algorithm = members == null ? null : members.get("alg");
        var steps = members == null ? null : members.get("steps");
        return "traces/" + index + (algorithm instanceof Json.Str(var label) ? " " + label : "")
                + (steps instanceof Json.Num(var count) ? " " + count + " steps" : "");
    }

    private static void trace(Json.Obj run, int maskId, ModelDenoiser denoiser, String how, Comparison comparison) {
        var trace = Trace.of(run, denoiser);
        var settings = UnmaskingSettings.of(maskId, Sampler.of(run.member("alg").asString()), trace.steps)
                .withSampling(sampling(run))
                .withTransfers(new TransferSchedule.Linspace(eps(run)))
                .withHistory(true);
        var result = new Unmasking(settings).run(denoiser, trace.start(maskId));
        for (int step = 0; step < trace.steps; step++) {
            comparison.check(
                    "tokens after step " + step + how,
                    Values.of(ints(trace.history.get(step))),
                    Values.of(result.history().get(step)),
                    EXACT);
        }
        if (run.members().containsKey("final")) {
            comparison.check(
                    "final" + how,
                    Values.of(ints(run.member("final"))),
                    Values.of(result.canvas().tokens()),
                    EXACT);
        }
    }

    private static void requireLengths(List<Json> history, int steps, long length) {
        if (history.size() != steps) {
            throw new ParityException(
                    "\"history\" has " + history.size() + " entries, expected one per step, " + steps);
        }
        for (int step = 0; step < steps; step++) {
            int tokens = history.get(step).asList().size();
            if (tokens != length) {
                throw new ParityException("\"history\" " + step + " has " + tokens
                        + " tokens, expected those of the prompt and the new ones, " + length);
            }
        }
    }

    private static void requireDeterministic(Json.Obj run) {
        for (var name : List.of("temperature", "alg_temp")) {
            var value = run.members().get(name);
            if (value != null && !value.isNull() && value.asDouble() != 0) {
                throw new ParityException("\"" + name + "\" is " + value.toText()
                        + ": tokens were drawn at random, which cannot be replayed");
            }
        }
        if (run.member("alg").asString().equals(new Sampler.Origin().label())) {
            throw new ParityException("\"alg\" origin draws positions at random, which cannot be replayed");
        }
    }

    private void distributions(Recorder recorder) {
        var settings = folder.json("sampler/distributions.json").asList();
        try (var recorded = folder.tensors("sampler/distributions.safetensors")) {
            var shape = recorded.shape("logits", 2);
            var logits = recorded.floats("logits", shape);
            for (int i = 0; i < settings.size(); i++) {
                var setting = settings.get(i);
                recorder.check("distributions/" + i, PROBABILITY, comparison -> {
                    distribution(setting.asObject(), recorded, logits, shape, comparison);
                });
            }
        }
    }

    private static void distribution(
            Json.Obj setting, RecordedTensors recorded, float[] logits, int[] shape, Comparison comparison) {
        int rows = shape[0];
        int vocabulary = shape[1];
        var probabilities = new double[rows * vocabulary];
        var maxima = new double[rows];
        var best = new int[rows];
        var margins = new double[rows];
        var entropies = new double[rows];
        var distribution = new TokenDistribution(vocabulary);
        var out = new float[vocabulary];
        for (int row = 0; row < rows; row++) {
            distribution.set(logits, row * vocabulary, sampling(setting));
            distribution.probabilities(out);
            for (int v = 0; v < vocabulary; v++) {
                probabilities[row * vocabulary + v] = out[v];
            }
            best[row] = distribution.mostLikely();
            maxima[row] = distribution.probability(best[row]);
            margins[row] = distribution.margin();
            entropies[row] = distribution.negativeEntropy();
        }
        var prefix = setting.member("index").asInt() + ".";
        long[] dims = {rows, vocabulary};
        comparison.check(
                prefix + "probs", recorded.values(prefix + "probs"), new Values(dims, probabilities), PROBABILITY);
        comparison.check(prefix + "max", recorded.values(prefix + "max"), Values.of(maxima), PROBABILITY);
        comparison.check(prefix + "argmax", recorded.values(prefix + "argmax"), Values.of(best), EXACT);
        comparison.check(prefix + "margin", recorded.values(prefix + "margin"), Values.of(margins), PROBABILITY);
        comparison.check(
                prefix + "neg_entropy", recorded.values(prefix + "neg_entropy"), Values.of(entropies), PROBABILITY);
    }

    private void transferCounts(Recorder recorder) {
        var items = folder.json("sampler/transfer_counts.json").asList();
        for (int i = 0; i < items.size(); i++) {
            var item = items.get(i);
            recorder.check("transfer_counts/" + i, EXACT, comparison -> {
                var record = item.asObject();
                int masks = record.member("masks").asInt();
                int steps = record.member("steps").asInt();
                var transfers = ints(record.member("transfers"));
                if (transfers.length != steps) {
                    throw new ParityException(
                            "\"transfers\" has " + transfers.length + " entries, expected one per step, " + steps);
                }
                var counts = new TransferSchedule.Linspace(eps(record)).counts(masks, steps);
                var name = String.format(Locale.ROOT, "%d masks in %d steps", masks, steps);
                comparison.check(name, Values.of(transfers), Values.of(counts), EXACT);
            });
        }
    }

    private static double eps(Json.Obj record) {
        var eps = record.members().get("eps");
        return eps == null ? DEFAULT_EPS : eps.asDouble();
    }

    private static Sampling sampling(Json.Obj setting) {
        var topP = setting.member("top_p");
        var topK = setting.member("top_k");
        return new Sampling(
                setting.member("temperature").asDouble(),
                topP.isNull() ? 1 : Math.min(1, topP.asDouble()),
                topK.isNull() ? 0 : topK.asInt());
    }

    private static int[] ints(Json array) {
        return array.asList().stream().mapToInt(Json::asInt).toArray();
    }
}
