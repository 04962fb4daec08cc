package io.coda4j.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.List;
import org.junit.jupiter.api.Test;

class SettingsTest {
    private static void refused(String message, Runnable use) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, use::run).getMessage());
    }

    @Test
    void stepsOfOptimisersAreCountedFromOne() {
        for (var optimizer : List.of(new AdamW(0.9, 0.95, 1e-8, 0.1, false), Adafactor.standard())) {
            refused("optimiser: steps are counted from 1, got step 0", () -> optimizer.scalars(0, 1e-3));
            for (float scalar : optimizer.scalars(1, 1e-3)) {
                assertEquals(0, scalar - scalar, "finite");
            }
        }
    }

    @Test
    void headsThatCannotBeRotatedAreRefused() {
        var linear = new DenseLinear(Tensor.full(TensorType.f32(4, 4), 1));
        var norm = new RmsNormLayer(Tensor.full(TensorType.f32(4), 1), 1e-6);
        for (int size : new int[] {0, 3, -2}) {
            refused(
                    "attention: head size must be positive, and even for rotary positions, got " + size,
                    () -> new SelfAttention(linear, linear, linear, linear, norm, norm, size, 1e4));
        }
    }

    @Test
    void infinityIsNoSetting() {
        double infinite = Double.POSITIVE_INFINITY;
        refused(
                "adamw: eps must be positive and weight decay not negative, both finite, got Infinity and 0.1",
                () -> new AdamW(0.9, 0.95, infinite, 0.1, false));
        refused(
                "attention: rope theta must be positive and finite, got Infinity",
                () -> new TransformerConfig(8, 4, 1, 1, 1, 4, 4, infinite, 1e-6, true, -1));
        refused(
                "rms norm: epsilon must be positive and finite, got Infinity",
                () -> new TransformerConfig(8, 4, 1, 1, 1, 4, 4, 1e4, infinite, true, -1));
    }

    @Test
    void layersMadeByHandKeepTheRulesOfConfigurations() {
        var weight = Tensor.full(TensorType.f32(4), 1);
        refused("rms norm: epsilon must be positive and finite, got -1.0", () -> new RmsNormLayer(weight, -1));
        var linear = new DenseLinear(Tensor.full(TensorType.f32(4, 4), 1));
        var norm = new RmsNormLayer(weight, 1e-6);
        refused(
                "attention: rope theta must be positive and finite, got NaN",
                () -> new SelfAttention(linear, linear, linear, linear, norm, norm, 4, Double.NaN));
        refused(
                "attention: head size must be positive, and even for rotary positions, got 3",
                () -> new TransformerConfig(8, 4, 1, 1, 1, 3, 4, 1e4, 1e-6, true, -1));
    }

    @Test
    void padTokensAreTokensOrNone() {
        refused(
                "model: pad token -2 is outside the vocabulary of 8; -1 stands for none",
                () -> new TransformerConfig(8, 4, 1, 1, 1, 4, 4, 1e4, 1e-6, true, -2));
    }
}
