package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelPreset;
import io.coda4j.nn.json.Json;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.StoredType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SynthCommandTest {
    @TempDir
    private Path work;

    private Path synth(String name, String... more) {
        var folder = work.resolve(name);
        var args = new String[more.length + 3];
        args[0] = "synth";
        args[1] = "--out";
        args[2] = folder.toString();
        System.arraycopy(more, 0, args, 3, more.length);
        var invocation = Invocation.of(args);
        assertEquals(0, invocation.code(), invocation::toString);
        return folder;
    }

    @Test
    void tinyIsAModelThatGeneratesAndInfills() {
        var model = synth("tiny", "--config", "tiny", "--seed", "3").toString();
        var generated = Invocation.of("generate", "--model", model, "--prompt", "int a", "--max-tokens", "4");
        assertEquals(0, generated.code(), generated::toString);
        assertTrue(generated.out().startsWith("int a"), generated::toString);
        var filled = Invocation.of(
                "infill", "--model", model, "--prefix", "return ", "--suffix", ";", "--tokens", "3", "--json");
        assertEquals(0, filled.code(), filled::toString);
    }

    @Test
    void theSeedDecidesAllNumbersAndTheirDistribution() {
        var first = synth("first", "--config", "tiny", "--seed", "3", "--dtype", "f32");
        var again = synth("again", "--config", "tiny", "--seed", "3", "--dtype", "f32");
        var other = synth("other", "--config", "tiny", "--seed", "4", "--dtype", "f32");
        var head = "lm_head.weight";
        try (var a = Safetensors.open(first);
                var b = Safetensors.open(again);
                var c = Safetensors.open(other)) {
            for (var name : a.entries().keySet()) {
                assertArrayEquals(a.floats(name), b.floats(name), name);
            }
            assertNotEquals(a.floats(head)[0], c.floats(head)[0]);
            assertNotEquals(a.floats(head)[0], a.floats("model.embed_tokens.weight")[0]);
            var values = a.floats(head);
            double square = 0;
            for (float value : values) {
                square += value * value / values.length;
            }
            assertEquals(0.02, Math.sqrt(square), 0.02 * 5 / Math.sqrt(2.0 * values.length));
            for (float value : a.floats("model.layers.1.self_attn.q_norm.weight")) {
                assertEquals(1, value);
            }
            var config = CodaConfig.read(first).transformer();
            var embedding = a.floats("model.embed_tokens.weight");
            for (int i = 0; i < config.hidden(); i++) {
                assertEquals(0, embedding[config.padToken() * config.hidden() + i]);
                assertNotEquals(0, embedding[(config.padToken() + 1) * config.hidden() + i]);
            }
        }
    }

    @Test
    void bfloat16IsTheRoundedFloatAndShardsHoldTheSame() throws IOException {
        // 1.2 million parameters at this hidden size: two files.
        var config = ModelPreset.tiny(8192, 5, 6, 7);
        var file = Files.writeString(work.resolve("config.json"), config.toJson("float32"));
        var narrow = synth("narrow", "--config", file.toString(), "--shard-size", "1");
        var wide = synth("wide", "--config", file.toString(), "--dtype", "f32");
        assertTrue(Files.exists(narrow.resolve("model.safetensors.index.json")));
        assertTrue(Files.exists(wide.resolve("model.safetensors")));
        assertEquals(config, CodaConfig.read(narrow));
        try (var n = Safetensors.open(narrow);
                var w = Safetensors.open(wide)) {
            assertEquals(
                    w.entries().keySet().stream().sorted().toList(),
                    n.entries().keySet().stream().sorted().toList());
            for (var entry : n.entries().values()) {
                assertEquals(StoredType.BF16, entry.type());
                var rounded = n.floats(entry.name());
                var exact = w.floats(entry.name());
                for (int i = 0; i < exact.length; i++) {
                    assertEquals(exact[i], rounded[i], Math.abs(exact[i]) / 256, entry.name());
                }
            }
        }
        assertFalse(Files.exists(narrow.resolve("tokenizer.json")), "a configuration alone has no tokenizer");
    }

    @Test
    void theLargePresetHasTheSizeOfTheReleasedModel() {
        assertEquals(2_031_739_904L, ModelPreset.coda().transformer().parameters());
        assertEquals(
                311,
                ModelPreset.coda()
                        .transformer()
                        .tensors(io.coda4j.tensor.DType.BF16)
                        .size());
    }

    @Test
    void resultsForMachines() {
        var invocation = Invocation.of(
                "synth", "--config", "tiny", "--out", work.resolve("j").toString(), "--json");
        assertEquals(0, invocation.code(), invocation::toString);
        var fields = Json.parse(invocation.out()).asObject();
        assertEquals(
                2 * fields.member("parameters").asLong(), fields.member("bytes").asLong());
    }
}
