package io.coda4j.diffusion.sampling;

import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import java.util.concurrent.ForkJoinPool;
import java.util.stream.IntStream;

/**
 * Turns the logits of a step into a token and a confidence per position, several rows of logits at a time.
 *
 * <p>Every position is computed by itself from draws that carry its address, so results do not depend on how many threads
 * share the work.
 */
final class TokenChoices {
    /** Logits below which a second thread costs more than it saves. */
    private static final long PARALLEL_WORK = 1 << 18;

    private final UnmaskingSettings settings;
    private final CounterRandom random;
    private final TokenDistribution[] workspaces;
    private final TokenDistribution[] rawWorkspaces;
    private final int vocabularySize;
    private int[] tokens = new int[0];
    private float[] confidences = new float[0];

    TokenChoices(UnmaskingSettings settings, int vocabularySize) {
        this.settings = settings;
        this.random = new CounterRandom(settings.seed());
        this.vocabularySize = vocabularySize;
        int threads = ForkJoinPool.getCommonPoolParallelism() + 1;
        this.workspaces = new TokenDistribution[threads];
        this.rawWorkspaces = new TokenDistribution[threads];
    }

    void begin(int positions) {
        if (tokens.length < positions) {
            tokens = new int[positions];
            confidences = new float[positions];
        }
    }

    int token(int n) {
        return tokens[n];
    }

    float confidence(int n) {
        return confidences[n];
    }

    /** Fills choices {@code [first, first + count)} from a piece of logits. */
    void choose(DenoiseRequest request, int[] rowIds, int first, int count, float[] logits) {
        int threads = (long) count * vocabularySize < PARALLEL_WORK ? 1 : Math.min(workspaces.length, count);
        var workers = IntStream.range(0, threads);
        (threads > 1 ? workers.parallel() : workers).forEach(worker -> {
            for (int n = worker; n < count; n += threads) {
                choose(request, rowIds, first + n, logits, n * vocabularySize, worker);
            }
        });
    }

    private void choose(DenoiseRequest request, int[] rowIds, int n, float[] logits, int offset, int worker) {
        int position = request.positions()[n];
        int row = position / request.canvas().length();
        int column = position % request.canvas().length();
        var distribution = workspace(workspaces, worker);
        try {
            distribution.set(logits, offset, settings.sampling());
        } catch (LogitsException e) {
            throw new LogitsException(
                    "step " + request.step() + ", row " + row + ", column " + column + ": " + e.getMessage(), e);
        }
        tokens[n] = settings.sampling().isGreedy()
                ? distribution.mostLikely()
                : distribution.draw(random.uniformDouble(Purpose.TOKEN, request.step(), rowIds[row], column));
        if (settings.sampler() instanceof Sampler.ByConfidence sampler) {
            var source = distribution;
            if (settings.confidenceSource() == ConfidenceSource.RAW) {
                source = workspace(rawWorkspaces, worker);
                source.set(logits, offset, Sampling.GREEDY);
            }
            confidences[n] = sampler.confidence(source, tokens[n]);
        }
    }

    private TokenDistribution workspace(TokenDistribution[] pool, int worker) {
        if (pool[worker] == null) {
            pool[worker] = new TokenDistribution(vocabularySize, settings.suppressedIds());
        }
        return pool[worker];
    }

    /**
     * The {@code count} choices of {@code [from, to)} that are committed: by falling confidence, equal ones by rising position; with
     * an order temperature by falling confidence/temperature plus Gumbel noise, which draws without replacement.
     */
    int[] selected(DenoiseRequest request, int[] rowIds, int from, int to, int count) {
        var scores = new double[to - from];
        for (int n = from; n < to; n++) {
            scores[n - from] = score(request, rowIds, n);
        }
        return IntStream.range(from, to)
                .boxed()
                .sorted((a, b) -> {
                    int byScore = Double.compare(scores[b - from], scores[a - from]);
                    return byScore != 0 ? byScore : Integer.compare(a, b);
                })
                .limit(count)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    private double score(DenoiseRequest request, int[] rowIds, int n) {
        if (settings.orderTemperature() == 0) {
            return confidences[n];
        }
        int length = request.canvas().length();
        int position = request.positions()[n];
        double u = random.uniformDouble(
                Purpose.UNMASK_ORDER, request.step(), rowIds[position / length], position % length);
        return confidences[n] / settings.orderTemperature() - StrictMath.log(-StrictMath.log(u));
    }
}
