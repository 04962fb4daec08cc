package io.coda4j.bench;

import io.coda4j.coder.model.Initialization;
import io.coda4j.coder.train.TrainState;
import io.coda4j.coder.train.TrainStep;
import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.spi.Device;
import java.util.Random;

/**
 * A training step on random tokens: half of them masked and scored, as at the middle of the noise levels.
 *
 * @param name for tables
 * @param model dimensions
 * @param rows of a batch
 * @param length tokens of a row
 */
public record Workload(String name, TransformerConfig model, int rows, int length) {
    private static final int PEERS_VOCABULARY = 4096;

    /** The model that {@code coda demo} trains. */
    public static Workload demo() {
        return new Workload("demo", config(PEERS_VOCABULARY + 64, 128, 4, 2, 64, 384), 8, 128);
    }

    /** 12 layers of width 768, about the size of the smallest GPT-2, on 8 rows of 256 tokens. */
    public static Workload base() {
        return new Workload("12x768", config(PEERS_VOCABULARY, 768, 12, 12, 64, 2048), 8, 256);
    }

    /**
     * The workload of that name.
     *
     * @throws IllegalArgumentException if there is none
     */
    public static Workload named(String name) {
        return switch (name) {
            case "demo" -> demo();
            case "12x768" -> base();
            default -> throw new IllegalArgumentException("no workload is called '" + name + "'; known: demo, 12x768");
        };
    }

    private static TransformerConfig config(
            int vocabulary, int hidden, int layers, int heads, int headDim, int intermediate) {
        return new TransformerConfig(
                vocabulary, hidden, layers, heads, heads, headDim, intermediate, 10_000, 1e-6, true, -1);
    }

    /** Tokens of a batch. */
    public int tokens() {
        return rows * length;
    }

    /** The step, with the optimiser of the demo. */
    public TrainStep step() {
        var optimizer = new AdamW(0.9, 0.95, 1e-8, 0.1, false);
        return new TrainStep(new MaskedDiffusionLoss(AttentionMask.FULL, 4096, false), optimizer, 1.0);
    }

    /** Arguments of the step; the first step consumes the state. */
    public TrainStep.Input input(Device device) {
        try (var scope = Scope.open()) {
            var weights = new Initialization(0.02, true).initialize(model, 1, device);
            var step = step();
            var state = TrainState.start(weights, step.optimizer(), device);
            var scalars = step.optimizer().scalars(1, 1e-3);
            var input = new TrainStep.Input(state, batch(), Array.of(Shape.of(scalars.length), scalars));
            return scope.keep(input);
        }
    }

    private MaskedBatch batch() {
        var random = new Random(1);
        int mask = model.vocabulary() - 1;
        int scored = tokens() / 2;
        var targets = random.ints(scored, 0, mask).toArray();
        var hidden = random.ints(0, tokens()).distinct().limit(scored).sorted().toArray();
        var ids = random.ints(tokens(), 0, mask).toArray();
        var weights = new float[scored];
        for (int n = 0; n < scored; n++) {
            ids[hidden[n]] = mask;
            weights[n] = 1f / scored;
        }
        return new MaskedBatch(
                Array.of(Shape.of(rows, length), ids),
                Array.of(Shape.of(rows, length), new int[tokens()]),
                Array.of(Shape.of(scored), hidden),
                Array.of(Shape.of(scored), targets),
                Array.of(Shape.of(scored), weights));
    }
}
