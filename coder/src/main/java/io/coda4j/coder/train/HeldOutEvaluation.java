package io.coda4j.coder.train;

import io.coda4j.coder.metrics.Score;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.ModelSharding;
import io.coda4j.nn.View;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Mesh;
import java.util.Arrays;
import java.util.List;

/**
 * How well a model names masked tokens of held-out files, beside two baselines that only count.
 *
 * <p>Masks are fixed by the seed, so evaluations of one run, and of runs with one tokenizer, compare. Positions whose
 * text also occurs in training are masked like all others and scored apart.
 */
public final class HeldOutEvaluation implements AutoCloseable {
    /** Rows of a batch at the least. */
    private static final int ROWS = 16;

    /**
     * One evaluation.
     *
     * @param noise probability with which each token was masked
     * @param crossEntropy mean negative log-likelihood in nats over all masked positions
     * @param all scores over all masked positions
     * @param unseen scores over those whose text occurs nowhere in training
     * @param tokensPerSecond tokens of the rows, masked or not, per second that the evaluation took
     */
    public record Result(double noise, double crossEntropy, Score all, Score unseen, double tokensPerSecond) {}

    /** Arguments of the program. */
    public record Input(LanguageModel model, Tensor ids, Tensor segments, Tensor rows, Tensor targets) {}

    /** Results of the program: the most likely token I32[S] and the cross-entropy F32[S]. */
    public record Output(Tensor best, Tensor crossEntropies) {}

    private final EncodedCorpus text;
    private final NeighbourBaseline baseline;
    private final CodaConfig config;
    private final int length;
    private final CounterRandom random;
    private final Compiled<Input, Output> program;
    private final int batchRows;

    /** An evaluation on {@code text} in rows of {@code length} tokens. */
    public HeldOutEvaluation(
            EncodedCorpus text, NeighbourBaseline baseline, CodaConfig config, int length, long seed, Device device) {
        this.text = text;
        this.baseline = baseline;
        this.config = config;
        this.length = length;
        this.random = new CounterRandom(seed);
        this.program = device.mesh()
                .map(mesh -> Compiled.of("evaluate", this::apply, device).placing((Input _) -> sharding(mesh)))
                .orElseGet(() -> Compiled.of("evaluate", this::apply, device));
        int parts = device.mesh()
                .map(mesh -> mesh.parts(ModelSharding.rowAxis(mesh)))
                .orElse(1);
        this.batchRows = Math.ceilDiv(ROWS, parts) * parts;
    }

    /** The model as training splits it; rows too, unless there are too few at the end of the text. */
    private static ShardingPlan sharding(Mesh mesh) {
        var axis = ModelSharding.rowAxis(mesh);
        return new ShardingPlan(mesh, ModelSharding.parameters(mesh))
                .with(List.of(Rule.of("ids", axis, ""), Rule.of("segments", axis, "")))
                .wholeWhereUneven();
    }

    private Output apply(Input in) {
        var hidden = in.model.model().apply(in.ids, View.ofSegments(in.segments, config.attention()));
        var logits = in.model.logits(hidden, in.rows);
        return new Output(logits.argMax(), logits.then(new Primitive.CrossEntropy(), in.targets));
    }

    /** The number of rows the text has. */
    public int rows() {
        return text.tokens().length / length;
    }

    /** Evaluates on {@code count} rows spread evenly over the text, or on all if there are fewer. */
    public Result run(LanguageModel model, double noise, int count) {
        int total = rows();
        int used = Math.min(count, total);
        long since = System.nanoTime();
        var tally = new Tally();
        for (int start = 0; start < used; start += batchRows) {
            int rows = Math.min(batchRows, used - start);
            var blocks = new int[rows];
            for (int i = 0; i < rows; i++) {
                blocks[i] = (int) ((long) (start + i) * total / used);
            }
            batch(model, noise, blocks, tally);
        }
        return tally.result(noise, (long) used * length * 1e9 / (System.nanoTime() - since));
    }

    private void batch(LanguageModel model, double noise, int[] blocks, Tally tally) {
        var clean = new int[blocks.length * length];
        var masked = new boolean[clean.length];
        for (int b = 0; b < blocks.length; b++) {
            System.arraycopy(text.tokens(), blocks[b] * length, clean, b * length, length);
            for (int i = 0; i < length; i++) {
                masked[b * length + i] = random.uniform(Purpose.EVALUATION, 0, blocks[b], i) < noise;
            }
        }
        var noisy = clean.clone();
        var scored = new int[clean.length];
        int count = 0;
        for (int i = 0; i < clean.length; i++) {
            if (masked[i]) {
                noisy[i] = config.maskToken();
                if (!config.shift() || i % length > 0) {
                    scored[count++] = i;
                }
            }
        }
        score(model, blocks, clean, noisy, Arrays.copyOf(scored, count), tally);
    }

    private void score(LanguageModel model, int[] blocks, int[] clean, int[] noisy, int[] scored, Tally tally) {
        int padded = Math.max(1, Math.ceilDiv(scored.length, 128)) * 128;
        var rows = new int[padded];
        var targets = new int[padded];
        for (int k = 0; k < scored.length; k++) {
            rows[k] = config.shift() ? scored[k] - 1 : scored[k];
            targets[k] = clean[scored[k]];
        }
        var shape = Shape.of(clean.length / length, length);
        var out = program.apply(new Input(
                model,
                Array.of(shape, noisy),
                Array.of(shape, new int[clean.length]),
                Array.of(Shape.of(padded), rows),
                Array.of(Shape.of(padded), targets)));
        var best = ((Array) out.best()).toInts();
        var losses = ((Array) out.crossEntropies()).toFloats();
        for (int k = 0; k < scored.length; k++) {
            int from = scored[k] / length * length;
            int guess = baseline.guess(noisy, from, from + length, scored[k], config.maskToken());
            boolean isFresh = text.fresh()[blocks[scored[k] / length] * length + scored[k] % length];
            tally.add(
                    isFresh,
                    losses[k],
                    targets[k] == best[k],
                    targets[k] == baseline.mostFrequent(),
                    targets[k] == guess);
        }
    }

    private static final class Tally {
        private final Hits all = new Hits();
        private final Hits unseen = new Hits();
        private double loss;

        void add(boolean isFresh, double crossEntropy, boolean model, boolean mostFrequent, boolean neighbours) {
            all.add(model, mostFrequent, neighbours);
            loss += crossEntropy;
            if (isFresh) {
                unseen.add(model, mostFrequent, neighbours);
            }
        }

        Result result(double noise, double tokensPerSecond) {
            return new Result(noise, loss / Math.max(1, all.positions), all.score(), unseen.score(), tokensPerSecond);
        }
    }

    private static final class Hits {
        private int positions;
        private int model;
        private int mostFrequent;
        private int neighbours;

        void add(boolean isModel, boolean isMostFrequent, boolean isNeighbours) {
            positions++;
            model += isModel ? 1 : 0;
            mostFrequent += isMostFrequent ? 1 : 0;
            neighbours += isNeighbours ? 1 : 0;
        }

        Score score() {
            double n = Math.max(1, positions);
            return new Score(positions, model / n, mostFrequent / n, neighbours / n);
        }
    }

    @Override
    public void close() {
        program.close();
    }
}
