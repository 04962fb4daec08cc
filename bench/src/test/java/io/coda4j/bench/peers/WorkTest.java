package io.coda4j.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.ModelPreset;
import io.coda4j.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class WorkTest {
    private static final Material MATERIAL =
            new Material(4, Path.of("model"), Path.of("int8"), Path.of("t"), Path.of("s"));

    @ParameterizedTest
    @EnumSource(Work.Pass.class)
    void maskedPositionsAreThoseOfTheCanvasAndPredictedByComputedColumns(Work.Pass pass) {
        var work = new Work.Denoise(pass, Precision.F32, 4, Path.of("model"), Path.of("int8"));
        var tokens = work.canvas().tokens();
        assertEquals(
                work.positions().length,
                Arrays.stream(tokens).filter(token -> token == CodaModels.MASK).count());
        for (int position : work.positions()) {
            assertEquals(CodaModels.MASK, tokens[position]);
            assertTrue(position - 1 >= pass.start, "nothing computed predicts " + position);
        }
    }

    @Test
    void stepsOfTheDecodingFinishIt() {
        assertEquals(0, Work.Decode.MASKED % Work.Decode.STEPS);
    }

    @Test
    void theNameSaysHowManyLayersThereAre() {
        for (var kind : List.of(Work.DENOISE, Work.DENOISE_BF16, Work.DENOISE_INT8)) {
            var works = Work.of(kind, MATERIAL);
            works.forEach(work -> assertTrue(work.name().endsWith("4 of 28 layers"), work.name()));
            assertEquals(works.size(), works.stream().map(Work::name).distinct().count());
        }
    }

    @Test
    void windowsReadTheWeightsAndTheCacheOnce() {
        var bf16 = window(Work.DENOISE_BF16);
        var config = ModelPreset.coda().transformer();
        double head = (double) config.vocabulary() * config.hidden();
        // The parameters of all layers but the norms, and the head; the embedding is not read but for some rows.
        double norms = config.layers() * (2.0 * config.hidden() + 2.0 * config.headDim()) + config.hidden();
        double matrices = (config.parameters() - 2 * head - norms) * 4 / config.layers();
        assertEquals(2 * (matrices + head), bf16.weightBytes());
        assertEquals(2 * 4 * 1024 * 8 * 128 * 4, bf16.cacheBytes());
        assertEquals(bf16.weightBytes(), window(Work.DENOISE).weightBytes());
        var int8 = window(Work.DENOISE_INT8);
        double scales = 4 * 4 * (2048 + 2 * 1024 + 2048 + 2 * 6144 + 2048);
        assertEquals(matrices + scales + 2 * head, int8.weightBytes());
        assertEquals(0, Work.of(Work.DENOISE, MATERIAL).getFirst().weightBytes());
    }

    private static Work window(String kind) {
        return Work.of(kind, MATERIAL).stream()
                .filter(work -> work.name().startsWith("window of 64 tokens, 63 masked"))
                .findFirst()
                .orElseThrow();
    }

    @Test
    void trainingStepsComputeInWhatTheirKindSays() {
        assertEquals(
                List.of("training step demo", "training step 12x768"),
                Work.of(Work.STEP, MATERIAL).stream().map(Work::name).toList());
        assertEquals(
                List.of("training step demo, bf16", "training step 12x768, bf16"),
                Work.of(Work.STEP_BF16, MATERIAL).stream().map(Work::name).toList());
    }

    @Test
    void materialSurvivesACommandLine() {
        var material = new Material(7, Path.of("a b"), Path.of("e"), Path.of("c"), Path.of("d"));
        assertEquals(material, Material.of(List.copyOf(material.words())));
    }

    @Test
    void productsOfBf16CoverFewAndManyTokens() {
        var works = Work.of(Work.GEMM_BF16, Material.NONE).stream()
                .map(Work.Gemm.class::cast)
                .toList();
        var frozen = works.stream().filter(Work.Gemm::isFrozen).toList();
        assertEquals(
                List.of(1, 16, 32, 64, 256, 1024),
                frozen.stream().map(Work.Gemm::m).distinct().toList());
        assertEquals(6 * Work.LAYERS.length + 1, frozen.size());
        assertTrue(works.stream().allMatch(work -> work.dtype() == DType.BF16));
        assertEquals(
                List.of("NT", "NN", "TN"),
                works.stream()
                        .filter(work -> !work.isFrozen())
                        .map(Work.Gemm::form)
                        .distinct()
                        .toList());
    }

    @Test
    void aSingleRowIsMeasuredByWhatItReads() {
        var row = new Work.Gemm(DType.BF16, "NT", 1, 6144, 2048, true);
        assertEquals(0, row.flops());
        assertEquals(6144.0 * 2048 * 2, row.bytes());
        var rows = new Work.Gemm(DType.F32, "NT", 2, 6144, 2048, true);
        assertEquals(2.0 * 2 * 6144 * 2048, rows.flops());
        assertEquals(0, rows.bytes());
    }

    @Test
    void anUnknownKindIsNamed() {
        var error = assertThrows(IllegalArgumentException.class, () -> Work.of("nonsense", Material.NONE));
        assertTrue(String.valueOf(error.getMessage()).contains("'nonsense'"), error.getMessage());
    }
}
