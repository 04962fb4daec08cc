package io.coda4j.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DType;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class WorkTest {
    @ParameterizedTest
    @EnumSource(Work.Pass.class)
    void maskedPositionsAreThoseOfTheCanvasAndPredictedByComputedColumns(Work.Pass pass) {
        var work = new Work.Denoise(pass, 4, Path.of("model"));
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
        var works = Work.of("denoise", new Material(4, Path.of("model"), Path.of("t"), Path.of("s")));
        works.forEach(work -> assertTrue(work.name().endsWith("4 of 28 layers"), work.name()));
    }

    @Test
    void materialSurvivesACommandLine() {
        var material = new Material(7, Path.of("a b"), Path.of("c"), Path.of("d"));
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
        assertEquals(6 * Work.LAYERS.length, frozen.size());
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
    void anUnknownKindIsNamed() {
        var error = assertThrows(IllegalArgumentException.class, () -> Work.of("nonsense", Material.NONE));
        assertTrue(String.valueOf(error.getMessage()).contains("'nonsense'"), error.getMessage());
    }
}
