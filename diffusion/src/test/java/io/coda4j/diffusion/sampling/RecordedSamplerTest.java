package io.coda4j.diffusion.sampling;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.diffusion.Fixtures;
import io.coda4j.diffusion.NaiveTransformer;
import io.coda4j.nn.json.Json;
import org.junit.jupiter.api.Test;

/** Replays what the published sampler did: counts, distributions and whole runs. */
class RecordedSamplerTest {

    @Test
    void transferCountsAreTheRecordedOnes() {
        for (var item : Fixtures.json("sampler/transfer_counts.json").asList()) {
            var record = item.asObject();
            int masks = record.member("masks").asInt();
            int steps = record.member("steps").asInt();
            assertArrayEquals(
                    ints(record.member("transfers")),
                    new TransferSchedule.Linspace(1e-3).counts(masks, steps),
                    masks + " masks in " + steps + " steps");
        }
    }

    @Test
    void distributionsAreTheRecordedOnes() {
        try (var tensors = Fixtures.tensors("sampler/distributions.safetensors")) {
            var logits = tensors.floats("logits");
            long[] shape = tensors.entry("logits").shape();
            int rows = (int) shape[0];
            int vocabulary = (int) shape[1];
            var distribution = new TokenDistribution(vocabulary);
            var settings = Fixtures.json("sampler/distributions.json").asList();
            assertTrue(settings.size() > 40);
            var entropySampler = new Sampler.Entropy();
            for (var item : settings) {
                var setting = item.asObject();
                int index = setting.member("index").asInt();
                var probabilities = tensors.floats(index + ".probs");
                var maxima = tensors.floats(index + ".max");
                var best = tensors.ints(index + ".argmax");
                var margins = tensors.floats(index + ".margin");
                var entropies = tensors.floats(index + ".neg_entropy");
                var out = new float[vocabulary];
                for (int row = 0; row < rows; row++) {
                    distribution.set(logits, row * vocabulary, sampling(setting));
                    distribution.probabilities(out);
                    var where = "setting " + index + ", row " + row;
                    for (int v = 0; v < vocabulary; v++) {
                        assertEquals(probabilities[row * vocabulary + v], out[v], 1e-5, where + ", token " + v);
                        assertEquals(out[v], distribution.probability(v));
                    }
                    assertEquals(best[row], distribution.mostLikely(), where);
                    assertEquals(maxima[row], distribution.probability(best[row]), 1e-5, where);
                    assertEquals(margins[row], distribution.margin(), 1e-5, where);
                    assertEquals(entropies[row], entropySampler.confidence(distribution, 0), 1e-5, where);
                }
            }
        }
    }

    @Test
    void runsAreReplayedTokenForToken() {
        var traces = Fixtures.json("sampler/traces.json").asObject();
        var transformer = new NaiveTransformer(traces.member("model").asString());
        int maskId = traces.member("mask_token_id").asInt();
        var runs = traces.member("runs").asList();
        assertTrue(runs.size() >= 30);
        for (int r = 0; r < runs.size(); r++) {
            var run = runs.get(r).asObject();
            var settings = UnmaskingSettings.of(
                            maskId,
                            Sampler.of(run.member("alg").asString()),
                            run.member("steps").asInt())
                    .withSampling(sampling(run))
                    .withTransfers(
                            new TransferSchedule.Linspace(run.member("eps").asDouble()))
                    .withHistory(true);
            var start = Canvas.of(
                    ints(run.member("prompt")), run.member("new_tokens").asInt(), maskId);
            var result = new Unmasking(settings).run(denoiser(transformer), start);
            var history = run.member("history").asList();
            assertEquals(history.size(), result.history().size());
            for (int step = 0; step < history.size(); step++) {
                assertArrayEquals(ints(history.get(step)), result.history().get(step), "run " + r + ", step " + step);
            }
            assertArrayEquals(ints(run.member("final")), result.canvas().tokens());
        }
    }

    private static Denoiser denoiser(NaiveTransformer transformer) {
        return Denoiser.of(transformer.vocabularySize(), (tokens, positions, out) -> {
            var logits = transformer.logits(tokens);
            int v = transformer.vocabularySize();
            for (int n = 0; n < positions.length; n++) {
                var row = logits[Math.max(0, positions[n] - 1)];
                for (int i = 0; i < v; i++) {
                    out[n * v + i] = (float) row[i];
                }
            }
        });
    }

    private static Sampling sampling(Json.Obj setting) {
        var topP = setting.member("top_p");
        var topK = setting.member("top_k");
        return new Sampling(
                setting.member("temperature").asDouble(),
                topP.isNull() ? 1 : topP.asDouble(),
                topK.isNull() ? 0 : topK.asInt());
    }

    private static int[] ints(Json array) {
        return array.asList().stream().mapToInt(Json::asInt).toArray();
    }
}
