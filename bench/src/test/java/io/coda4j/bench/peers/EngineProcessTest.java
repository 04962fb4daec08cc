package io.coda4j.bench.peers;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.bench.MeasurementException;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.opencl.ClDeviceProvider;
import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EngineProcessTest {
    @TempDir
    private Path libraries;

    private EngineProcess start(String device) throws IOException {
        return EngineProcess.start("coda", 1, device, libraries, Material.NONE);
    }

    private static int index(String kind, String name) {
        var names = Work.of(kind, Material.NONE).stream().map(Work::name).toList();
        assertTrue(names.contains(name), () -> name + " is none of " + names);
        return names.indexOf(name);
    }

    @Test
    void anotherDeviceGivesTheResultsOfTheProcessorAndIsDescribed() throws IOException {
        Requirement.require("opencl", new ClDeviceProvider().unusableBecause());
        try (var processor = start("cpu");
                var other = start("opencl:0")) {
            assertTrue(other.description().startsWith("coda4j on opencl:0, "), other.description());
            assertEquals(List.of(), other.notes());
            var works = List.of("gemm NT 2048 x 384 x 128", Work.GEMM_BF16 + " NT 1024 x 1024 x 1024 bf16");
            for (var work : works) {
                var words = work.split(" ", 2);
                int index = index(words[0], words[1]);
                var expected = processor.prepare(words[0], index).orElseThrow();
                assertArrayEquals(expected, other.prepare(words[0], index).orElseThrow(), 1e-3, work);
            }
            assertTrue(other.run(0.01) > 0);
        }
    }

    @Test
    void aChosenDeviceIsTold() throws IOException {
        try (var engine = start("auto")) {
            assertEquals(1, engine.notes().size());
            assertTrue(engine.notes().getFirst().startsWith("device auto: "), engine.notes()::toString);
        }
    }

    @Test
    void aDeviceThatCannotBeOpenedIsReportedWithTheReason() {
        var error = assertThrows(DeviceException.class, () -> start("abacus"));
        assertTrue(String.valueOf(error.getMessage()).contains("no device is called 'abacus'"), error.getMessage());
    }

    @Test
    void aProcessThatEndsIsReportedWithItsLastWords() throws IOException {
        try (var engine = start("cpu")) {
            var error = assertThrows(MeasurementException.class, () -> engine.prepare("gemm", 999));
            var message = String.valueOf(error.getMessage());
            assertTrue(message.startsWith("the process of coda ended with exit code 1; "), message);
            assertTrue(message.contains("999 out of bounds"), message);
        }
    }
}
