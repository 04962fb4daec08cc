package io.coda4j.bench.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.bench.MeasurementException;
import io.coda4j.coder.generate.Precision;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DecodeCellTest {
    private static final int MASKS = 8;

    @TempDir
    private static Path folder;

    @BeforeAll
    static void makeModels() {
        TinyModels.write(folder.resolve("bf16"));
        TinyModels.quantize(folder.resolve("bf16"), folder.resolve("int8"));
    }

    private static CellRequest request(Decoding decoding, Precision precision, double threshold, int sampleSteps) {
        var model = folder.resolve(precision == Precision.INT8 ? "int8" : "bf16");
        return new CellRequest(decoding, precision, model, "cpu", 6, MASKS, 3, 4, threshold, sampleSteps);
    }

    private static CellResult measure(CellRequest request) {
        var steps = new ArrayList<Integer>();
        var result = DecodeCell.measure(request, _ -> {}, steps::add);
        assertTrue(!steps.isEmpty() && steps.getLast() <= request.steps(), steps::toString);
        assertEquals(MASKS, result.generatedTokens());
        assertEquals(MASKS / (double) result.forwards(), result.tokensPerForward());
        assertEquals(MASKS / result.seconds(), result.tokensPerSecond());
        assertTrue(result.firstForwardSecondsFromLoad() > 0);
        var phases = result.phases();
        double parts = phases.wholePasses() + phases.windowPasses() + phases.head() + phases.choice();
        assertEquals(result.seconds(), parts, 1e-9);
        return result;
    }

    @Test
    void anExactRunIsWholePassesOnly() {
        var result = measure(request(Decoding.EXACT, Precision.BF16, 0.9, 0));
        assertEquals(SampledSteps.masksBySteps(MASKS).length, result.forwards());
        assertEquals("bf16", result.precision());
        assertEquals(0, result.phases().windowPasses());
        assertTrue(result.firstForwardSecondsFromLoad() <= result.seconds());
        assertNull(result.stepsRun());
    }

    @Test
    void aSampledRunIsAnEstimateOfAsManyForwards() {
        var steps = new ArrayList<Integer>();
        var request = request(Decoding.EXACT, Precision.INT8, 0.9, 3);
        var result = DecodeCell.measure(request, _ -> {}, steps::add);
        assertTrue(result.estimated());
        assertEquals(3, result.stepsRun());
        assertEquals(SampledSteps.masksBySteps(MASKS).length, result.forwards());
        assertEquals(List.of(1, 2, 3, 4, 5, 6), steps);
    }

    @Test
    void cachesComputeWindowsAndAThresholdOfNothingABlockAtOnce() {
        var dual = measure(request(Decoding.DUAL, Precision.F32, 0.9, 3));
        assertTrue(dual.phases().windowPasses() > 0 && !dual.estimated(), dual::toString);
        var atOnce = measure(request(Decoding.DUAL_THRESHOLD, Precision.F32, 0, 0));
        assertEquals(2, atOnce.forwards());
    }

    @Test
    void aCellInItsOwnProcessIsHeardAndSaysWhyItCannot() {
        var request = request(Decoding.PREFIX, Precision.F32, 0.9, 0);
        assertEquals(request, CellRequest.of(request.words()));
        var steps = new ArrayList<Integer>();
        var result = CellProcess.measure(request, _ -> {}, steps::add);
        assertEquals(List.of(1, 2, 3, 4, 5, 6, 7, 8), steps);
        assertEquals("prefix", result.decoding());
        assertEquals(MASKS, result.generatedTokens());
        var wrong =
                new CellRequest(Decoding.PREFIX, Precision.F32, folder.resolve("none"), "cpu", 6, MASKS, 3, 4, 0.9, 0);
        var error = assertThrows(MeasurementException.class, () -> CellProcess.measure(wrong, _ -> {}, _ -> {}));
        assertTrue(String.valueOf(error.getMessage()).contains("is not a folder"), error.getMessage());
    }
}
