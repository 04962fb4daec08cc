package io.coda4j.coder.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MetricsLogTest {
    @TempDir
    Path directory;

    static RunLine run(long step) {
        var settings = new LinkedHashMap<String, String>();
        settings.put("width", "128");
        settings.put("batch", "16");
        settings.put("corpus", "läng \"3\"");
        return new RunLine(step, 42, settings, "./coda train --seed 42", new LinkedHashMap<>(Map.of("cpu", "a cpu")));
    }

    static TrainLine train(long step, double loss) {
        var byNoise = Arrays.asList(0.25, null, (double) 1.1f);
        return new TrainLine(
                step, 0.5, step * 2048, loss, byNoise, 3e-4, 1.25, 900, new Timing(1.5 * step, 9700, 1L << 30));
    }

    static EvalLine eval(long step) {
        var score = new Score(1000, 0.386, 0.05, 0.21);
        return new EvalLine(step, step * 2048, 0.5, 2.5, score, null, new Timing(1.5 * step, 20000, null));
    }

    private Path file() {
        return directory.resolve(MetricsLog.FILE_NAME);
    }

    private void write(MetricsLine... lines) {
        try (var log = MetricsLog.create(directory)) {
            for (var line : lines) {
                log.append(line);
            }
        }
    }

    @Test
    void readsBackWhatWasWritten() {
        var lines = List.of(run(0), train(1, 3.21), eval(1), train(2, Double.NaN), train(3, Double.POSITIVE_INFINITY));
        write(lines.toArray(MetricsLine[]::new));
        assertEquals(lines, MetricsLog.read(directory));
        var settings = ((RunLine) MetricsLog.read(directory).getFirst()).settings();
        assertEquals(List.of("width", "batch", "corpus"), List.copyOf(settings.keySet()));
    }

    @Test
    void keepsEveryBitOfALoss() {
        var losses = new double[] {0.1f, Math.nextUp(2.0), Double.MIN_VALUE, -0.0, 1e300, Math.PI, 3.2100000381469727};
        try (var log = MetricsLog.create(directory)) {
            for (int i = 0; i < losses.length; i++) {
                log.append(train(i, losses[i]));
            }
        }
        var read = MetricsLog.read(directory);
        for (int i = 0; i < losses.length; i++) {
            var loss = ((TrainLine) read.get(i)).loss();
            assertEquals(Double.doubleToRawLongBits(losses[i]), Double.doubleToRawLongBits(loss));
        }
    }

    @Test
    void writesKeysInOneOrder() {
        assertEquals(
                "{\"kind\":\"train\",\"step\":7,\"epoch\":0.5,\"tokens\":14336,\"loss\":3.25,"
                        + "\"lossByNoise\":[0.25,null,1.100000023841858],\"learningRate\":3.0E-4,\"gradientNorm\":1.25,"
                        + "\"scored\":900,"
                        + "\"timing\":{\"seconds\":10.5,\"tokensPerSecond\":9700.0,\"rssBytes\":1073741824}}",
                MetricsLog.json(train(7, 3.25)));
    }

    @Test
    void comparesRunsWithoutTheClock() {
        var slow = new Timing(99, 1, null);
        var one = train(3, 2.5);
        var two = new TrainLine(3, one.epoch(), one.tokens(), 2.5, one.lossByNoise(), 3e-4, 1.25, one.scored(), slow);
        assertEquals(MetricsLog.deterministicJson(one), MetricsLog.deterministicJson(two));
        assertNotEquals(MetricsLog.deterministicJson(one), MetricsLog.deterministicJson(train(3, Math.nextUp(2.5))));
        var header = MetricsLog.deterministicJson(run(0));
        assertTrue(header.contains("\"seed\":42") && header.contains("width"), header);
        assertFalse(header.contains("a cpu") || header.contains("./coda"), header);
    }

    @Test
    void eachLineIsInTheFileBeforeTheNext() throws IOException {
        try (var log = MetricsLog.create(directory)) {
            for (int i = 1; i <= 3; i++) {
                log.append(train(i, 1));
                assertEquals(i, Files.readAllLines(file()).size());
            }
        }
    }

    @Test
    void ignoresALastLineTornAtAnyByte() throws IOException {
        write(run(0), train(1, 3));
        var bytes = Files.readAllBytes(file());
        int secondLine = new String(bytes, StandardCharsets.ISO_8859_1).indexOf('\n') + 1;
        for (int length = secondLine; length < bytes.length - 1; length++) {
            Files.write(file(), Arrays.copyOf(bytes, length));
            assertEquals(List.of(run(0)), MetricsLog.read(directory), "cut at byte " + length);
        }
        // Only the line end is missing: nothing was lost.
        Files.write(file(), Arrays.copyOf(bytes, bytes.length - 1));
        assertEquals(2, MetricsLog.read(directory).size());
        // Blocks that were allocated but not written before a power loss read as zeros.
        Files.write(file(), Arrays.copyOf(Arrays.copyOf(bytes, secondLine + 5), secondLine + 50));
        assertEquals(1, MetricsLog.read(directory).size());
    }

    @Test
    void namesABadLineInTheMiddle() throws IOException {
        write(run(0), train(1, 3));
        var lines = new ArrayList<>(Files.readAllLines(file()));
        lines.add(1, "{\"kind\":\"train\",\"step\":\"soon\"}");
        Files.write(file(), lines);
        var error = assertThrows(MetricsException.class, () -> MetricsLog.read(directory));
        assertTrue(error.getMessage().contains("metrics.jsonl line 2"), error.getMessage());
        assertTrue(error.getMessage().contains("soon"), error.getMessage());
    }

    @Test
    void rejectsALineWithAFieldMissing() throws IOException {
        Files.writeString(file(), "{\"kind\":\"train\",\"step\":1}\n");
        var error = assertThrows(MetricsException.class, () -> MetricsLog.read(directory));
        assertTrue(error.getMessage().contains("epoch"), error.getMessage());
    }

    @Test
    void resumeDropsWhatCameAfterTheCheckpoint() throws IOException {
        write(run(0), train(10, 3), eval(10), train(11, 2.9), run(11), train(12, 2.8));
        Files.writeString(file(), Files.readString(file()) + "{\"kind\":\"tra");
        try (var log = MetricsLog.resume(directory, 10)) {
            log.append(run(10));
            log.append(train(11, 2.95));
        }
        assertEquals(List.of(run(0), train(10, 3), eval(10), run(10), train(11, 2.95)), MetricsLog.read(directory));
        try (var files = Files.list(directory)) {
            assertEquals(List.of(file()), files.toList(), "no temporary file is left");
        }
    }

    /** The last evaluation is made again, and would stand there twice. */
    @Test
    void resumeAtTheEndDropsTheLastEvaluation() {
        write(run(0), train(5, 3), eval(5), train(10, 2), eval(10));
        try (var log = MetricsLog.resumeAtEnd(directory, 10)) {
            log.append(eval(10));
        }
        assertEquals(List.of(run(0), train(5, 3), eval(5), train(10, 2), eval(10)), MetricsLog.read(directory));
    }

    @Test
    void resumeCompletesAMissingLineEnd() throws IOException {
        write(train(1, 3));
        Files.writeString(file(), Files.readString(file()).strip());
        try (var log = MetricsLog.resume(directory, 5)) {
            log.append(train(2, 2));
        }
        assertEquals(List.of(train(1, 3), train(2, 2)), MetricsLog.read(directory));
    }

    @Test
    void resumeWithoutALogStartsOne() {
        try (var log = MetricsLog.resume(directory.resolve("new"), 5)) {
            log.append(train(6, 2));
        }
        assertEquals(1, MetricsLog.read(directory.resolve("new")).size());
    }

    @Test
    void aNewRunDoesNotMixWithAnOldOne() {
        write(run(0));
        var error = assertThrows(MetricsException.class, () -> MetricsLog.create(directory));
        assertTrue(error.getMessage().contains("Resume"), error.getMessage());
    }

    @Test
    void describesThisMachine() {
        var environment = RunEnvironment.capture("cpu", "0.1.0");
        assertEquals(
                List.of("cpu", "cores", "memory", "os", "java", "flags", "device", "version"),
                List.copyOf(environment.keySet()));
        assertTrue(Integer.parseInt(environment.get("cores")) > 0);
        assertFalse(environment.containsValue(null));
        var resident = RunEnvironment.residentBytes();
        assertTrue(resident == null || resident > 1 << 20, () -> "resident bytes: " + resident);
    }
}
