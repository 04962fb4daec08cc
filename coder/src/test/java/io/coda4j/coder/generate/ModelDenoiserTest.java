package io.coda4j.coder.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.Initialization;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.cpu.CpuDevice;
import io.coda4j.tensor.spi.Devices;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ModelDenoiserTest {
    private static final int VOCABULARY = 30;

    private static CodaConfig config(boolean shift, boolean tied) {
        var transformer = new TransformerConfig(VOCABULARY, 16, 2, 2, 1, 8, 24, 1e4, 1e-6, tied, -1);
        return new CodaConfig(transformer, 29, -1, AttentionMask.FULL, shift, 512);
    }

    private static LanguageModel model(CodaConfig config) {
        return new Initialization(.3, false).initialize(config.transformer(), 3, Devices.defaultDevice());
    }

    private static Canvas canvas(int rows, int length) {
        return new Canvas(
                rows,
                length,
                IntStream.range(0, rows * length).map(i -> i * 7 % VOCABULARY).toArray());
    }

    private static float[] denoise(ModelDenoiser denoiser, Canvas canvas, int... positions) {
        var out = new float[positions.length * VOCABULARY];
        var request = new DenoiseRequest(canvas, positions, 0, List.of());
        var next = new int[1];
        denoiser.denoise(request, (first, count, logits) -> {
            assertEquals(next[0], first);
            next[0] += count;
            System.arraycopy(logits, 0, out, first * VOCABULARY, count * VOCABULARY);
        });
        assertEquals(positions.length, next[0]);
        return out;
    }

    /** The logits of the wanted positions, picked from those of all. */
    private static float[] picked(LanguageModel model, CodaConfig config, Canvas canvas, int... positions) {
        var ids = Array.of(Shape.of(canvas.rows(), canvas.length()), canvas.tokens());
        var all = ((Array) model.apply(ids, AttentionMask.FULL)).toFloats();
        var out = new float[positions.length * VOCABULARY];
        for (int n = 0; n < positions.length; n++) {
            boolean isFirst = positions[n] % canvas.length() == 0;
            int row = config.shift() && !isFirst ? positions[n] - 1 : positions[n];
            System.arraycopy(all, row * VOCABULARY, out, n * VOCABULARY, VOCABULARY);
        }
        return out;
    }

    @ParameterizedTest
    @CsvSource({"true,false", "false,false", "true,true"})
    void logitsAreThoseOfTheWholeModel(boolean shift, boolean tied) {
        var config = config(shift, tied);
        var model = model(config);
        try (var denoiser = new ModelDenoiser(config, model, Devices.defaultDevice())) {
            assertEquals(VOCABULARY, denoiser.vocabularySize());
            // Lengths below, at and above the step in which rows are padded; first positions of rows among them.
            for (int length : new int[] {1, 5, 32, 33}) {
                var canvas = canvas(3, length);
                var positions = IntStream.range(0, 3 * length)
                        .filter(i -> i % length == 0 || i % 3 != 1)
                        .toArray();
                var got = denoise(denoiser, canvas, positions);
                assertArrayEquals(picked(model, config, canvas, positions), got, 1e-4f, "length " + length);
            }
        }
    }

    /** Rounded products move the logits by a small share of their size, and do move them. */
    @Test
    void productsOfBf16ComeCloseToThoseOfF32() {
        var config = config(true, false);
        var model = Precision.BF16.prepared(model(config), Devices.defaultDevice());
        var canvas = canvas(2, 33);
        var positions = IntStream.range(0, 66).toArray();
        try (var exact = new ModelDenoiser(config, model, Devices.defaultDevice());
                var rounded =
                        new ModelDenoiser(config, model, Devices.defaultDevice(), new Caching.None(), Precision.BF16)) {
            float[] expected = denoise(exact, canvas, positions);
            float[] got = denoise(rounded, canvas, positions);
            double size = 0;
            double error = 0;
            for (int i = 0; i < got.length; i++) {
                size += expected[i] * (double) expected[i];
                error += (got[i] - expected[i]) * (double) (got[i] - expected[i]);
            }
            double share = Math.sqrt(error / size);
            assertTrue(share > 1e-5 && share < 0x1p-6, "relative error " + share);
        }
    }

    @Test
    void manyPositionsComeInPieces() {
        var config = config(true, false);
        var model = model(config);
        var canvas = canvas(1, 1500);
        var positions = IntStream.range(0, 1500).toArray();
        try (var denoiser = new ModelDenoiser(config, model, Devices.defaultDevice())) {
            var counts = new ArrayList<Integer>();
            denoiser.denoise(new DenoiseRequest(canvas, positions, 0, List.of()), (_, count, _) -> counts.add(count));
            assertEquals(List.of(1024, 476), counts);
            var expected = picked(model, config, canvas, positions);
            assertArrayEquals(expected, denoise(denoiser, canvas, positions), 1e-4f);
        }
    }

    @Test
    void aRowHasTheSameLogitsInAnyBatch() {
        var config = config(true, false);
        var canvas = canvas(4, 20);
        try (var denoiser = new ModelDenoiser(config, model(config), Devices.defaultDevice())) {
            var together = denoise(denoiser, canvas, 45, 46, 59);
            var alone = denoise(denoiser, new Canvas(1, 20, canvas.row(2)), 5, 6, 19);
            assertArrayEquals(alone, together, 1e-5f);
        }
    }

    @Test
    void sizesThatWereDroppedAreCompiledAgain() {
        var config = config(true, false);
        try (var denoiser = new ModelDenoiser(config, model(config), Devices.defaultDevice())) {
            var first = denoise(denoiser, canvas(1, 10), 3);
            for (int rows = 2; rows < 9; rows++) {
                denoise(denoiser, canvas(rows, 10), 3);
            }
            assertArrayEquals(first, denoise(denoiser, canvas(1, 10), 3));
        }
    }

    @Test
    void badRequestsAreRefused() {
        var config = config(true, false);
        var model = model(config);
        var denoiser = new ModelDenoiser(config, model, Devices.defaultDevice());
        var tokens = new int[6];
        Arrays.fill(tokens, 1);
        tokens[4] = VOCABULARY;
        var canvas = new Canvas(2, 3, tokens);
        var e = assertThrows(IllegalArgumentException.class, () -> denoise(denoiser, canvas, 3));
        assertTrue(e.getMessage().contains("row 1, column 1 holds token 30"), e.getMessage());
        denoiser.close();
        assertThrows(IllegalStateException.class, () -> denoise(denoiser, canvas(1, 3), 1));
        try (var other = CpuDevice.reference()) {
            e = assertThrows(IllegalArgumentException.class, () -> new ModelDenoiser(config, model, other));
            assertTrue(e.getMessage().contains("expected cpu:reference"), e.getMessage());
        }
    }
}
