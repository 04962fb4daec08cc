package io.coda4j.bench.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

final class DecodeReportTest {
    private static CellResult cell(Decoding decoding, double seconds, @Nullable Integer stepsRun) {
        var memory = stepsRun == null ? null : new ResidentMemory(4000, 5000, 1000, 2900);
        return new CellResult(
                decoding.label(),
                "f32",
                "cpu (2 threads)",
                stepsRun != null,
                stepsRun,
                seconds,
                100,
                100,
                1,
                100 / seconds,
                2.5,
                1.5,
                new CellResult.Phases(1, seconds / 2, 0, seconds / 4, seconds / 4),
                memory,
                memory == null ? null : 3_000_000_000L);
    }

    private static DecodeReport report(@Nullable Integer exactSteps) {
        var cells = List.of(cell(Decoding.EXACT, 400, exactSteps), cell(Decoding.DUAL, 50, null));
        return new DecodeReport(Path.of("model"), null, 100, 100, 7, 32, 0.9, cells);
    }

    @Test
    void everyFigureOfAnEstimateIsMarkedAndSoIsWhatIsComparedWithIt() {
        var lines = report(8).table().lines().toList();
        assertTrue(
                lines.get(2).matches("exact +f32 +~400.00 +~100 +~1.00 +~0.250 +~1.00 +2.50 +1.50 +3.000"),
                lines.get(2));
        assertTrue(lines.get(3).contains("estimated"), lines.get(3));
        assertTrue(lines.get(4).matches("dual +f32 +50.00 +100 +1.00 +2.000 +~8.00 +2.50 +1.50 +-"), lines.get(4));
        assertFalse(lines.get(5).contains("estimated"), lines.get(5));
        assertTrue(lines.get(6).startsWith("~ estimated, not a run: 8 of 100 steps"), lines.get(6));
    }

    @Test
    void runsAreNotMarked() {
        assertFalse(report(null).table().contains("~"));
    }

    @Test
    void jsonSaysWhatIsEstimated() {
        var cells = new JsonMapper().readTree(report(8).json()).get("cells");
        assertTrue(cells.get(0).get("estimated").booleanValue());
        assertEquals(8, cells.get(0).get("steps_run").intValue());
        assertEquals(
                3_000_000_000L, cells.get(0).get("peak_beyond_mapped_bytes").longValue());
        assertEquals(4000, cells.get(0).get("memory").get("resident_bytes").longValue());
        assertFalse(cells.get(1).get("estimated").booleanValue());
        assertFalse(cells.get(1).has("steps_run"));
        assertTrue(cells.get(1).get("memory").isNull());
        assertEquals(8, cells.get(1).get("exact_seconds_over_seconds").doubleValue(), 1e-12);
        assertTrue(cells.get(1).get("exact_is_estimated").booleanValue());
    }

    @Test
    void aResultSurvivesTheWayBetweenProcesses() {
        var result = cell(Decoding.DUAL, 50, null);
        assertEquals(
                result, CellResult.MAPPER.readValue(CellResult.MAPPER.writeValueAsString(result), CellResult.class));
        result = cell(Decoding.EXACT, 50, 3);
        assertEquals(
                result, CellResult.MAPPER.readValue(CellResult.MAPPER.writeValueAsString(result), CellResult.class));
    }
}
