package io.coda4j.coder.model;

import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Random weights of a new model: normal with the given deviation for matrices, 1 for norm weights, 0 for the padding
 * token's embedding.
 *
 * @param deviation of embeddings and linear layers; 0.02 in Qwen3
 * @param scaleResidual whether output projections are scaled by 1/sqrt(2 * layers), as in GPT-2
 */
public record Initialization(double deviation, boolean scaleResidual) {
    /** Weights on {@code device} that depend on nothing but {@code seed} and the configuration. */
    public LanguageModel initialize(TransformerConfig config, long seed, Device device) {
        var random = new CounterRandom(seed);
        int[] index = {0};
        return config.build(DType.F32, (path, type) -> tensor(config, random, path, index[0]++, type, device));
    }

    private Array tensor(
            TransformerConfig config, CounterRandom random, String path, int index, TensorType type, Device device) {
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(Math.max(1, type.byteSize()), 64);
            if (type.rank() == 1) {
                fillOnes(host, type);
            } else {
                fillNormal(random, index, deviation(config, path), host, type);
            }
            if (path.equals("model.embedTokens.weight") && config.padToken() >= 0) {
                host.asSlice(4L * config.padToken() * config.hidden(), 4L * config.hidden())
                        .fill((byte) 0);
            }
            return Array.copyOf(type, host, device);
        }
    }

    private double deviation(TransformerConfig config, String path) {
        boolean isResidual = path.endsWith("oProj.weight") || path.endsWith("downProj.weight");
        return scaleResidual && isResidual ? deviation / Math.sqrt(2.0 * config.layers()) : deviation;
    }

    private static void fillOnes(MemorySegment host, TensorType type) {
        for (long i = 0; i < type.size(); i++) {
            host.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1f);
        }
    }

    /** Box-Muller on pairs of uniform numbers addressed by tensor, row and column. */
    private static void fillNormal(
            CounterRandom random, int index, double deviation, MemorySegment host, TensorType type) {
        int columns = type.dim(1);
        for (int row = 0; row < type.dim(0); row++) {
            for (int column = 0; column < columns; column++) {
                double u = random.uniformDouble(Purpose.INITIALISATION, index, row, 2 * column);
                double v = random.uniformDouble(Purpose.INITIALISATION, index, row, 2 * column + 1);
                double normal = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
                host.setAtIndex(ValueLayout.JAVA_FLOAT, (long) row * columns + column, (float) (deviation * normal));
            }
        }
    }
}
