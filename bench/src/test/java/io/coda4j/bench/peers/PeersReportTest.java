package io.coda4j.bench.peers;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.generate.Precision;
import io.coda4j.tensor.DType;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

final class PeersReportTest {
    private static final PeersReport.Row PRODUCT = new PeersReport.Row(
            "gemm",
            new Work.Gemm(DType.F32, "NT", 1000, 1000, 1000, false),
            Map.of("coda", List.of(0.1, 0.2, 0.3), "torch", List.of(0.3), "openblas", List.of(0.1)));
    private static final PeersReport.Row TEXT = new PeersReport.Row(
            "encode",
            new Work.Encode(Path.of("tokenizer.json"), Path.of("src"), 3, 5_000_000),
            Map.of("coda", List.of(0.5), "tokenizers", List.of(1.0)));

    private static PeersReport report(PeersReport.Row... rows) {
        return new PeersReport(List.of(rows), List.of("this", "that"), "cpu", 1, 20, 10);
    }

    @Test
    void ratiosAreOfMediansAndAboveOneWhereThisEngineIsFaster() {
        var row = new JsonMapper().readTree(report(PRODUCT).json()).get("rows").get(0);
        assertEquals(1.5, row.get("ratios").get("torch").doubleValue(), 1e-9);
        assertEquals(0.5, row.get("ratios").get("openblas").doubleValue(), 1e-9);
    }

    @Test
    void aTextHasASpeedAndAProductAShareOfThePeak() {
        var lines = report(PRODUCT, TEXT).table().lines().toList();
        assertTrue(lines.get(4).endsWith("0.50"), lines.get(4));
        assertTrue(lines.get(5).endsWith("10.0 MB/s"), lines.get(5));
    }

    @Test
    void whatAnotherDeviceReachesIsNoShareOfTheProcessorsPeak() {
        var report = new PeersReport(List.of(PRODUCT), List.of("on opencl:0, a GPU", "that"), "opencl", 1, 20, 10);
        var lines = report.table().lines().toList();
        assertEquals("on opencl:0, a GPU", lines.get(1));
        assertTrue(lines.get(4).endsWith(" -"), lines.get(4));
        var json = new JsonMapper().readTree(report.json());
        assertEquals("opencl", json.get("device").stringValue());
        assertEquals("on opencl:0, a GPU", json.get("engines").get(0).stringValue());
    }

    @Test
    void aWindowIsAlsoSecondsAgainstTheBytesThatItReads() {
        var window = new Work.Denoise(Work.Pass.WIDE_WINDOW, Precision.BF16, 28, Path.of("m"), Path.of("i"));
        var row = new PeersReport.Row("denoise-bf16", window, Map.of("coda", List.of(0.5), "torch", List.of(1.0)));
        double rate = (window.weightBytes() + window.cacheBytes()) / 0.5 * 1e-9;
        var line = report(row).table().lines().toList().get(5);
        assertTrue(
                line.contains(
                        "0.5000 s per forward, must read 3.441 GB of weights and 0.235 GB of caches: 7.4 GB/s, 0.74"),
                line);
        var json = new JsonMapper().readTree(report(row).json()).get("rows").get(0);
        assertEquals(rate, json.get("gbPerSecond").doubleValue(), 1e-9);
        assertEquals(rate / 10, json.get("bandwidthShare").doubleValue(), 1e-9);
        assertFalse(new JsonMapper()
                .readTree(report(PRODUCT).json())
                .get("rows")
                .get(0)
                .has("weightBytes"));
    }

    @Test
    void onlyPeersThatTookPartHaveColumns() {
        var header = report(TEXT).table().lines().toList().get(3);
        assertTrue(header.contains("/tokenizers"), header);
        assertFalse(header.contains("torch"), header);
    }
}
