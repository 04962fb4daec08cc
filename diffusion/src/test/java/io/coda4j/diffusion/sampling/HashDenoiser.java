package io.coda4j.diffusion.sampling;

import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A model without weights: the logits of a position are random numbers addressed by the tokens of its own row. It delivers them
 * in small pieces and remembers what it was asked.
 */
final class HashDenoiser implements Denoiser {
    private final int vocabularySize;
    private final int piece;
    private final List<DenoiseRequest> requests = new ArrayList<>();

    HashDenoiser(int vocabularySize, int piece) {
        this.vocabularySize = vocabularySize;
        this.piece = piece;
    }

    @Override
    public int vocabularySize() {
        return vocabularySize;
    }

    List<DenoiseRequest> requests() {
        return requests;
    }

    @Override
    public void denoise(DenoiseRequest request, LogitsSink sink) {
        requests.add(
                new DenoiseRequest(request.canvas().copy(), request.positions(), request.step(), request.windows()));
        int length = request.canvas().length();
        int[] positions = request.positions();
        var logits = new float[piece * vocabularySize];
        for (int first = 0; first < positions.length; first += piece) {
            int count = Math.min(piece, positions.length - first);
            for (int n = 0; n < count; n++) {
                int position = positions[first + n];
                var row = request.canvas().row(position / length);
                new CounterRandom(Arrays.hashCode(row))
                        .fillUniform(Purpose.TEST, 0, position % length, logits, n * vocabularySize, vocabularySize);
                for (int v = 0; v < vocabularySize; v++) {
                    logits[n * vocabularySize + v] *= 8;
                }
            }
            sink.accept(first, count, logits);
        }
    }
}
