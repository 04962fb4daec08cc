package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.nn.json.Json;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sound checkpoint passes; damaging one thing fails the gate that is there for it. */
class VerifyCommandTest {
    private static final String HEAD = "lm_head.weight";
    private static final String EMBEDDING = "model.embed_tokens.weight";

    @TempDir
    private Path work;

    private Path model;

    @BeforeEach
    void writeAModel() {
        model = work.resolve("model");
        var written = Invocation.of("synth", "--config", "tiny", "--dtype", "f32", "--out", model.toString());
        assertEquals(0, written.code(), written::toString);
    }

    private Map<String, String> verify(int code) {
        var invocation = Invocation.of("verify-checkpoint", model.toString(), "--json");
        assertEquals(code, invocation.code(), invocation::toString);
        var root = Json.parse(invocation.out()).asObject();
        assertEquals(List.of("passed", "gates"), List.copyOf(root.members().keySet()), "the order in every run");
        assertEquals(code == 0, root.member("passed").asBoolean());
        return root.member("gates").asList().stream()
                .map(Json::asObject)
                .collect(Collectors.toMap(
                        gate -> gate.member("gate").asString(),
                        gate -> gate.member("result").asString() + " "
                                + gate.member("detail").asString()));
    }

    private void fails(String gate, String... words) {
        var gates = verify(1);
        assertTrue(gates.get(gate).startsWith("FAIL "), gates::toString);
        for (var word : words) {
            assertTrue(gates.get(gate).contains(word), gates::toString);
        }
        assertEquals("SKIP other gates failed", gates.get("direction"));
    }

    private void replace(String file, String what, String by) throws IOException {
        var text = Files.readString(model.resolve(file));
        assertTrue(text.contains(what), text);
        Files.writeString(model.resolve(file), text.replace(what, by));
    }

    @FunctionalInterface
    private interface Change {
        void write(SafetensorsWriter writer, String name, Safetensors tensors);
    }

    private void rewrite(Change change) {
        var file = model.resolve("model.safetensors");
        var writer = new SafetensorsWriter();
        try (var tensors = Safetensors.open(file)) {
            tensors.entries().keySet().forEach(name -> change.write(writer, name, tensors));
            writer.write(file);
        }
    }

    private static void keep(SafetensorsWriter writer, String name, Safetensors tensors) {
        var entry = tensors.entry(name);
        writer.add(name, entry.type(), entry.shape(), tensors.bytes(name));
    }

    @Test
    void aSoundCheckpointPassesEveryGate() {
        var gates = verify(0);
        assertEquals(9, gates.size());
        assertTrue(gates.values().stream().allMatch(result -> result.startsWith("PASS ")), gates::toString);
        assertEquals("PASS 25 of 25", gates.get("tensors"));
        assertEquals("PASS 25 F32", gates.get("types"));
        var table = Invocation.of("verify-checkpoint", model.toString());
        assertEquals(0, table.code(), table::toString);
        assertTrue(table.out().lines().anyMatch(line -> line.matches("head +PASS +its own")), table::toString);
        assertTrue(table.out().endsWith("PASS: the checkpoint is sound" + System.lineSeparator()), table::toString);
    }

    @Test
    void anAutoregressiveModelLooksBackOnly() throws IOException {
        replace("config.json", "CoDALanguageModel", "Qwen3ForCausalLM");
        replace("config.json", "\"model_type\" : \"CoDA\"", "\"model_type\" : \"qwen3\"");
        var gates = verify(0);
        assertEquals("PASS another last token changes logits of the first by 0.0", gates.get("direction"));
    }

    @Test
    void aMissingHeadIsNotTiedSilently() {
        rewrite((writer, name, tensors) -> {
            if (!name.equals(HEAD)) {
                keep(writer, name, tensors);
            }
        });
        fails("head", HEAD, "missing", "tie_word_embeddings");
        Invocation.of("generate", "--model", model.toString(), "--prompt", "x")
                .complains(Main.USAGE, java.util.List.of(HEAD, "tie_word_embeddings"));
    }

    @Test
    void aMissingHeadIsRightWhereTheConfigurationTiesIt() throws IOException {
        rewrite((writer, name, tensors) -> {
            if (!name.equals(HEAD)) {
                keep(writer, name, tensors);
            }
        });
        replace("config.json", "\"tie_word_embeddings\" : false", "\"tie_word_embeddings\" : true");
        assertEquals("PASS tied", verify(0).get("head"));
    }

    @Test
    void aHeadThatIsACopyOfTheEmbeddingFails() {
        rewrite((writer, name, tensors) -> {
            if (name.equals(HEAD)) {
                writer.add(name, tensors.entry(name).type(), tensors.entry(name).shape(), tensors.bytes(EMBEDDING));
            } else {
                keep(writer, name, tensors);
            }
        });
        fails("head", HEAD, EMBEDDING, "bit by bit");
        Invocation.of("generate", "--model", model.toString(), "--prompt", "x")
                .complains(Main.USAGE, java.util.List.of(HEAD, "bit by bit"));
    }

    @Test
    void missingAndSurplusTensorsAreCounted() {
        rewrite((writer, name, tensors) -> {
            if (name.endsWith("q_norm.weight")) {
                writer.add(name + "_old", new float[1], 1);
            } else {
                keep(writer, name, tensors);
            }
        });
        fails("tensors", "model.layers.0.self_attn.q_norm.weight", "3 more");
    }

    @Test
    void shapesAreCompared() {
        rewrite((writer, name, tensors) -> {
            if (name.equals("model.norm.weight")) {
                writer.add(name, new float[32], 32);
            } else {
                keep(writer, name, tensors);
            }
        });
        fails("shapes", "model.norm.weight", "[32]", "[64]");
    }

    @Test
    void brokenNumbersAreCounted() {
        rewrite((writer, name, tensors) -> {
            if (name.equals("model.norm.weight")) {
                var values = tensors.floats(name);
                values[3] = Float.NaN;
                values[4] = Float.NEGATIVE_INFINITY;
                values[5] = Float.POSITIVE_INFINITY;
                values[6] = Float.MAX_VALUE;
                writer.add(name, values, values.length);
            } else {
                keep(writer, name, tensors);
            }
        });
        fails("finite", "1 NaN and 2 infinite", "1 tensors", "model.norm.weight");
    }

    @Test
    void theMaskTokenMustBeTheTokenizers() throws IOException {
        replace("config.json", "\"mask_token_id\" : 323", "\"mask_token_id\" : 5");
        fails("mask token", "323", "5");
    }

    @Test
    void withoutATokenizerThereIsNoText() throws IOException {
        Files.delete(model.resolve("tokenizer.json"));
        fails("tokenizer", "none in the folder");
    }

    @Test
    void whatCannotBeReadIsBadInput() throws IOException {
        Files.writeString(model.resolve("model.safetensors"), "version https://git-lfs");
        Invocation.of("verify-checkpoint", model.toString())
                .complains(Main.USAGE, java.util.List.of("model.safetensors", "not a safetensors file"));
    }
}
