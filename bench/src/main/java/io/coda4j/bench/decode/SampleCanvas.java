package io.coda4j.bench.decode;

import io.coda4j.coder.generate.Generator;
import java.util.SplittableRandom;

/** Random tokens of text, a prompt and what could stand behind it, some of it masked. */
final class SampleCanvas {
    private final int[] tokens;
    private final int[] order;
    private final int maskId;

    private SampleCanvas(int[] tokens, int[] order, int maskId) {
        this.tokens = tokens;
        this.order = order;
        this.maskId = maskId;
    }

    /** Tokens that depend on the seed and the tokenizer only. */
    static SampleCanvas of(CellRequest request, Generator generator) {
        var random = new SplittableRandom(request.seed());
        var excluded = generator.unprintable();
        var ends = generator.ends();
        int vocabulary = generator.config().transformer().vocabulary();
        var tokens = random.ints(0, vocabulary)
                .filter(id -> !excluded.contains(id) && !ends.contains(id))
                .limit((long) request.promptTokens() + request.newTokens())
                .toArray();
        var order = random.ints(request.promptTokens(), tokens.length)
                .distinct()
                .limit(request.newTokens())
                .toArray();
        return new SampleCanvas(tokens, order, generator.maskId());
    }

    /** The tokens, {@code count} of those behind the prompt masked; where fewer are, they are among those where more are. */
    int[] withMasks(int count) {
        var masked = tokens.clone();
        for (int i = 0; i < count; i++) {
            masked[order[i]] = maskId;
        }
        return masked;
    }
}
