package io.coda4j.coder.parity;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.diffusion.LossWeighting;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.NoisedBatch;
import io.coda4j.diffusion.ScoredPositions;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;

/** A recorded noised batch: every position that holds the mask token is scored, with weight 1/(sigma * B * L). */
record RecordedBatch(NoisedBatch batch, ScoredPositions scored) {
    /**
     * The batch of {@code prefix + "noisy_ids"} and {@code prefix + "sigma"}.
     *
     * @param targets name of the tensor with the tokens to predict
     */
    static RecordedBatch read(RecordedTensors tensors, String prefix, String targets, CodaConfig config) {
        int vocabulary = config.transformer().vocabulary();
        var shape = tensors.shape(prefix + "noisy_ids", 2);
        var noisy = tensors.tokens(prefix + "noisy_ids", vocabulary, shape);
        var masked = new boolean[noisy.length];
        for (int i = 0; i < noisy.length; i++) {
            masked[i] = noisy[i] == config.maskToken();
        }
        var batch = new NoisedBatch(
                shape[0],
                shape[1],
                noisy,
                tensors.tokens(targets, vocabulary, shape),
                sigma(tensors, prefix + "sigma", shape[0]),
                masked,
                masked,
                1);
        return new RecordedBatch(batch, ScoredPositions.of(batch, LossWeighting.INVERSE_SIGMA, config.shift()));
    }

    private static float[] sigma(RecordedTensors tensors, String name, int rows) {
        var sigma = tensors.floats(name, rows);
        for (int i = 0; i < rows; i++) {
            if (!(sigma[i] > 0 && sigma[i] <= 1)) {
                throw new ParityException(tensors.file() + ": tensor \"" + name + "\": element " + i + " is " + sigma[i]
                        + ", a noise level is in (0, 1]");
            }
        }
        return sigma;
    }

    /** The operands of the loss with {@code size} scored positions, those too many with weight 0. */
    MaskedBatch operands(int size, Device device) {
        var onHost = MaskedBatch.of(batch, scored.paddedTo(size), new int[batch.noisyIds().length]);
        return Tree.map(onHost, (_, leaf) -> onDevice(leaf, device));
    }

    private static Tensor onDevice(Tensor leaf, Device device) {
        return ((io.coda4j.tensor.Array) leaf).to(device);
    }

    /** Requires a mask token, without which nothing is scored. */
    static void requireMaskToken(CodaConfig config, String where) {
        if (config.maskToken() < 0) {
            throw new ParityException(where + ": the configuration has no \"mask_token_id\"");
        }
    }
}
