package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.nn.json.Json;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import io.coda4j.nn.safetensors.StoredType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** From a checkpoint to INT8 weights to text, and what is refused. */
class QuantizeCommandTest {
    @TempDir
    private Path work;

    private Path model;
    private Path small;

    @BeforeEach
    void writeAModel() {
        model = work.resolve("model");
        small = work.resolve("int8");
        synth("f32", model);
    }

    private static void synth(String dtype, Path to) {
        var written =
                Invocation.of("synth", "--config", "tiny", "--seed", "7", "--dtype", dtype, "--out", to.toString());
        assertEquals(0, written.code(), written::toString);
    }

    private Invocation quantize(Path from, Path to, String... more) {
        var args = new ArrayList<>(
                List.of("quantize", "--model", from.toString(), "--format", "int8", "--out", to.toString()));
        args.addAll(Arrays.asList(more));
        return Invocation.of(args.toArray(String[]::new));
    }

    private Json.Obj made(Path from, Path to) {
        var made = quantize(from, to, "--json");
        assertEquals(0, made.code(), made::toString);
        return Json.parse(made.out()).asObject();
    }

    private static void refused(Invocation invocation, String... words) {
        assertEquals(2, invocation.code(), invocation::toString);
        assertEquals(
                1,
                invocation
                        .err()
                        .lines()
                        .filter(line -> line.startsWith("coda: "))
                        .count());
        assertFalse(invocation.err().contains("\tat "), invocation::toString);
        for (var word : words) {
            assertTrue(invocation.err().contains(word), invocation::toString);
        }
    }

    /** Each weight is within half a scale of what it was, and each row uses all of the range. */
    @ParameterizedTest
    @ValueSource(strings = {"f32", "bf16", "f16"})
    void matricesOfLayersBecomeInt8AndAllElseStays(String dtype) {
        var stored = work.resolve(dtype);
        if (!dtype.equals("f32")) {
            synth(dtype, stored);
        }
        var from = dtype.equals("f32") ? model : stored;
        var summary = made(from, small);
        assertEquals(14, summary.member("quantized").asInt());
        assertTrue(summary.member("bytes_after").asInt()
                < summary.member("bytes_before").asInt());
        try (var before = Safetensors.open(from);
                var after = Safetensors.open(small)) {
            for (var entry : before.entries().values()) {
                boolean isMatrix = entry.name().startsWith("model.layers.") && entry.shape().length == 2;
                assertEquals(
                        isMatrix ? StoredType.I8 : entry.type(),
                        after.entry(entry.name()).type(),
                        entry.name());
                if (isMatrix) {
                    compareRows(before.floats(entry.name()), after, entry.name(), (int) entry.shape()[1]);
                } else {
                    assertEquals(-1, before.bytes(entry.name()).mismatch(after.bytes(entry.name())), entry.name());
                }
            }
        }
        for (var name : List.of("tokenizer.json")) {
            assertEquals(Files.exists(from.resolve(name)), Files.exists(small.resolve(name)), name);
        }
    }

    private static void compareRows(float[] weight, Safetensors after, String name, int width) {
        float[] values = after.floats(name);
        float[] scales = after.floats(name + "_scale");
        assertEquals(weight.length / width, scales.length, name);
        for (int row = 0; row < scales.length; row++) {
            float greatest = 0;
            for (int k = row * width; k < (row + 1) * width; k++) {
                assertEquals(weight[k], values[k] * scales[row], scales[row] * 0.5001f, name);
                greatest = Math.max(greatest, Math.abs(values[k]));
            }
            assertEquals(127, greatest, name);
        }
    }

    private Json.Obj generate(Path from, String... more) {
        var args = new ArrayList<>(
                List.of("generate", "--model", from.toString(), "--prompt", "int a", "--max-tokens", "12", "--json"));
        args.addAll(Arrays.asList(more));
        var invocation = Invocation.of(args.toArray(String[]::new));
        assertEquals(0, invocation.code(), invocation::toString);
        return Json.parse(invocation.out()).asObject();
    }

    @Test
    void whatAKilledRunLeftHalfWrittenIsClearedAwayBeforeTheNext() throws IOException {
        Files.createDirectories(small);
        var left = small.resolve(".model.safetensors.1b4e28ba-2fa1-11d2-883f-0016d3cca427.tmp");
        var note = small.resolve(".notes.1.tmp");
        Files.writeString(left, "half");
        Files.writeString(note, "whole");
        made(model, small);
        assertFalse(Files.exists(left));
        assertTrue(Files.exists(note), "a file of others");
        Files.writeString(left, "half");
        refused(quantize(model, small), "already holds a model");
        assertTrue(Files.exists(left), "somebody may be writing to a folder with a model");
    }

    @Test
    void commandsReadTheResultInTheirPrecision() {
        made(model, small);
        var first = generate(small);
        assertEquals("int8", first.member("precision").asString());
        for (var precision : List.of("f32", "bf16", "int8")) {
            var fields = generate(small, "--precision", precision);
            assertEquals(precision, fields.member("precision").asString());
            assertTrue(fields.member("text").asString().startsWith("int a"));
        }
        assertEquals(
                first.member("text").asString(),
                generate(small, "--precision", "int8").member("text").asString());
        var infilled = Invocation.of(
                "infill", "--model", small.toString(), "--prefix", "if (", "--suffix", ")", "--tokens", "3");
        assertEquals(0, infilled.code(), infilled::toString);
        var verified = Invocation.of("verify-checkpoint", small.toString());
        assertEquals(0, verified.code(), verified::toString);
        assertTrue(verified.out().contains("14 I8"), verified::toString);
    }

    @Test
    void theConfigurationSaysThatTheWeightsAreInt8() throws IOException {
        made(model, small);
        var config = Json.parse(Files.readString(small.resolve("config.json"))).asObject();
        assertEquals(
                "coda4j-int8",
                config.member("quantization_config")
                        .asObject()
                        .member("quant_method")
                        .asString());
        var text = Files.readString(small.resolve("config.json"));
        Files.writeString(small.resolve("config.json"), text.replace("coda4j-int8", "gptq"));
        refused(
                Invocation.of("generate", "--model", small.toString(), "--prompt", "a"),
                "config.json",
                "quantization_config",
                "gptq");
    }

    @Test
    void whatCannotBeQuantisedIsRefusedInOneLine() throws IOException {
        made(model, small);
        refused(quantize(small, work.resolve("again")), "quantised already");
        refused(quantize(work.resolve("nothing"), work.resolve("b")), "nothing", "is not a folder");
        Files.createDirectory(work.resolve("empty"));
        refused(quantize(work.resolve("empty"), work.resolve("b")), "config.json", "no such file");
        refused(quantize(model, small), "already holds a model");
        refused(Invocation.of("quantize", "--model", model.toString(), "--format", "int4", "--out", "x"), "int4");
        refused(
                Invocation.of("generate", "--model", model.toString(), "--prompt", "a", "--precision", "int8"),
                "--precision int8 needs INT8 weights",
                "coda quantize");
    }

    @Test
    void aWeightThatIsNotFiniteIsNamedAndNothingIsLeftBehind() throws IOException {
        var name = "model.layers.1.mlp.up_proj.weight";
        var file = model.resolve("model.safetensors");
        try (var arena = Arena.ofConfined();
                var tensors = Safetensors.open(file)) {
            var writer = new SafetensorsWriter();
            for (var entry : tensors.entries().values()) {
                var bytes = arena.allocate(entry.byteSize(), 8).copyFrom(tensors.bytes(entry.name()));
                if (entry.name().equals(name)) {
                    bytes.setAtIndex(ValueLayout.JAVA_FLOAT, entry.shape()[1] * 2 + 3, Float.NaN);
                }
                writer.add(entry.name(), entry.type(), entry.shape(), bytes);
            }
            Files.delete(file);
            writer.write(file);
        }
        refused(quantize(model, small), name, "NaN at [2, 3]", "verify-checkpoint");
        try (var left = Files.list(small)) {
            assertEquals(List.of(), left.toList());
        }
    }

    @Test
    void theSameCheckpointGivesTheSameBytes() throws IOException {
        made(model, small);
        byte[] before = Files.readAllBytes(small.resolve("model.safetensors"));
        var again = work.resolve("int8b");
        made(model, again);
        assertArrayEquals(before, Files.readAllBytes(again.resolve("model.safetensors")), "not reproducible");
    }

    @Test
    void aReportThatCannotBeMadeLeavesNothing() {
        refused(quantize(model, small, "--report", "no-such-corpus"), "'no-such-corpus'", "lang3");
        refused(quantize(model, small, "--report", "src/main/java", "--device", "gpu"), "'gpu'");
        assertTrue(Files.notExists(small), "a checkpoint stands in the way of the next try");
    }

    @Test
    void whatOnlyTheReportUsesIsRefusedWithoutIt() {
        refused(quantize(model, small, "--device", "cpu"), "--device has no effect", "--report CORPUS");
        refused(quantize(model, small, "--report-rows", "6"), "--report-rows has no effect", "--report CORPUS");
        assertTrue(Files.notExists(small));
    }

    /** On this module's own sources, some of which are held out. The original agrees with itself, INT8 almost. */
    @Test
    void theReportComparesAllPrecisionsWithTheOriginal() {
        var made = quantize(
                model, small, "--json", "--report", Path.of("src/main/java").toString(), "--report-rows", "6");
        assertEquals(0, made.code(), made::toString);
        var lines = Json.parse(made.out()).asObject().member("report").asList().stream()
                .map(Json::asObject)
                .toList();
        assertEquals(
                List.of("f32", "bf16", "int8 weights", "int8"),
                lines.stream().map(line -> line.member("name").asString()).toList());
        for (var line : lines) {
            assertEquals(
                    lines.getFirst().member("positions").asInt(),
                    line.member("positions").asInt());
            double divergence = line.member("divergence").asDouble();
            if (line == lines.getFirst()) {
                assertEquals(0, divergence);
                assertEquals(1, line.member("sameBest").asDouble());
            } else {
                assertTrue(divergence > 0 && divergence < 0.01, line::toString);
                assertTrue(line.member("sameBest").asDouble() > 0.8, line::toString);
            }
        }
        assertTrue(lines.getFirst().member("positions").asInt() > 100);
    }
}
