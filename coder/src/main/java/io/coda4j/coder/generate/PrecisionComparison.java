package io.coda4j.coder.generate;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.nn.LanguageModel;
import io.coda4j.tensor.spi.Device;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What less precision costs a model: how many masked tokens of a text it names in each of several precisions, and how far its
 * predictions are from those of the first. Half of all tokens are masked, chosen by the seed.
 */
public final class PrecisionComparison implements AutoCloseable {
    private static final double NOISE = 0.5;

    /**
     * A model in one precision.
     *
     * @param name for people
     */
    public record Variant(String name, LanguageModel model, Precision precision) {
        /** {@code model}, whose matrices are stored as floating-point numbers, in {@code precision}. */
        public static Variant of(String name, LanguageModel model, Precision precision, Device device) {
            return new Variant(name, precision.prepared(model, device), precision);
        }
    }

    /**
     * What one variant came to.
     *
     * @param positions that were masked and scored
     * @param accuracy share of them whose token is the most likely one
     * @param crossEntropy mean negative log-likelihood in nats
     * @param divergence mean Kullback-Leibler divergence of its distribution from that of the first variant, in nats
     * @param sameBest share of positions at which the most likely token is that of the first variant
     */
    public record Line(
            String name, long positions, double accuracy, double crossEntropy, double divergence, double sameBest) {}

    private final CodaConfig config;
    private final List<Variant> variants;
    private final List<ModelDenoiser> denoisers = new ArrayList<>();

    /** A comparison of {@code variants}, the first of which the others are compared with. */
    public PrecisionComparison(CodaConfig config, List<Variant> variants, Device device) {
        this.config = config;
        this.variants = List.copyOf(variants);
        for (var variant : variants) {
            denoisers.add(new ModelDenoiser(config, variant.model(), device, new Caching.None(), variant.precision()));
        }
    }

    /**
     * Compares on {@code count} rows of {@code length} tokens, spread evenly over {@code tokens}, or on all if there are fewer.
     *
     * @param counted for each token whether it is scored where it is masked
     */
    public List<Line> run(int[] tokens, boolean[] counted, int length, int count, long seed) {
        var random = new CounterRandom(seed);
        int total = tokens.length / length;
        int used = Math.min(count, total);
        var tallies = new Tally[variants.size()];
        Arrays.setAll(tallies, _ -> new Tally());
        for (int i = 0; i < used; i++) {
            int row = (int) ((long) i * total / used);
            var clean = Arrays.copyOfRange(tokens, row * length, (row + 1) * length);
            var noisy = clean.clone();
            var scored = new int[length];
            int found = 0;
            for (int k = 0; k < length; k++) {
                if (random.uniform(Purpose.EVALUATION, 0, row, k) < NOISE) {
                    noisy[k] = config.maskToken();
                    // The first token has no state before it that could predict it.
                    if (counted[row * length + k] && (k > 0 || !config.shift())) {
                        scored[found++] = k;
                    }
                }
            }
            score(clean, noisy, Arrays.copyOf(scored, found), tallies);
        }
        var lines = new ArrayList<Line>();
        for (int v = 0; v < tallies.length; v++) {
            lines.add(tallies[v].line(variants.get(v).name()));
        }
        return lines;
    }

    private void score(int[] clean, int[] noisy, int[] scored, Tally[] tallies) {
        if (scored.length == 0) {
            return;
        }
        var first = new double[scored.length][];
        for (int v = 0; v < tallies.length; v++) {
            var tally = tallies[v];
            boolean isFirst = v == 0;
            var request = new DenoiseRequest(new Canvas(1, noisy.length, noisy), scored, 0, List.of());
            denoisers.get(v).denoise(request, (from, number, logits) -> {
                int vocabulary = denoisers.getFirst().vocabularySize();
                for (int n = 0; n < number; n++) {
                    var here = logProbabilities(logits, n * vocabulary, vocabulary);
                    if (isFirst) {
                        first[from + n] = here;
                    }
                    tally.add(first[from + n], here, clean[scored[from + n]]);
                }
            });
        }
    }

    private static double[] logProbabilities(float[] logits, int at, int count) {
        double greatest = Double.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
            greatest = Math.max(greatest, logits[at + i]);
        }
        double sum = 0;
        for (int i = 0; i < count; i++) {
            sum += Math.exp(logits[at + i] - greatest);
        }
        double total = greatest + Math.log(sum);
        var result = new double[count];
        for (int i = 0; i < count; i++) {
            result[i] = logits[at + i] - total;
        }
        return result;
    }

    private static final class Tally {
        private long positions;
        private long hits;
        private long same;
        private double loss;
        private double divergence;

        void add(double[] first, double[] here, int target) {
            int best = best(here);
            positions++;
            hits += best == target ? 1 : 0;
            same += best == best(first) ? 1 : 0;
            loss -= here[target];
            for (int i = 0; i < first.length; i++) {
                divergence += Math.exp(first[i]) * (first[i] - here[i]);
            }
        }

        private static int best(double[] values) {
            int best = 0;
            for (int i = 1; i < values.length; i++) {
                best = values[i] > values[best] ? i : best;
            }
            return best;
        }

        Line line(String name) {
            double n = Math.max(1, positions);
            return new Line(name, positions, hits / n, loss / n, divergence / n, same / n);
        }
    }

    @Override
    public void close() {
        denoisers.forEach(ModelDenoiser::close);
    }
}
