package io.coda4j.diffusion;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The scored positions and weights give the recorded loss when a plain model supplies the logits. */
class RecordedLossTest {

    static List<String> cases() {
        return Fixtures.lossCases();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void weightedCrossEntropiesSumToTheRecordedLoss(String name) {
        var description = Fixtures.json("loss/" + name + ".json").asObject();
        var model = description.member("model").asString();
        var transformer = new NaiveTransformer(model);
        int maskId = Fixtures.modelConfig(model).member("mask_token_id").asInt();
        try (var tensors = Fixtures.tensors("loss/" + name + ".safetensors")) {
            long[] shape = tensors.entry("input_ids").shape();
            int length = (int) shape[1];
            var noisy = tensors.ints("noisy_ids");
            var masked = new boolean[noisy.length];
            for (int i = 0; i < noisy.length; i++) {
                masked[i] = noisy[i] == maskId;
            }
            var batch = new NoisedBatch(
                    (int) shape[0], length, noisy, tensors.ints("targets"), tensors.floats("sigma"), masked, masked, 1);
            var scored = ScoredPositions.of(batch, LossWeighting.INVERSE_SIGMA, true);
            double loss = 0;
            for (int n = 0; n < scored.count(); n++) {
                int row = scored.hiddenRows()[n] / length;
                var logits = transformer.logits(Arrays.copyOfRange(noisy, row * length, (row + 1) * length));
                loss += scored.weights()[n]
                        * crossEntropy(logits[scored.hiddenRows()[n] % length], scored.targets()[n]);
            }
            double expected = description.member("loss").asDouble();
            assertEquals(expected, loss, 1e-6 * expected);
        }
    }

    private static double crossEntropy(double[] logits, int target) {
        double max = Arrays.stream(logits).max().orElseThrow();
        double sum = Arrays.stream(logits).map(logit -> Math.exp(logit - max)).sum();
        return Math.log(sum) + max - logits[target];
    }
}
