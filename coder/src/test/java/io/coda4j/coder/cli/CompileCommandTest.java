package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class CompileCommandTest {
    @TempDir
    private Path folder;

    private static Invocation compile(String... more) {
        return run("train-step", 4, more);
    }

    private static Invocation run(String program, int batch, String... more) {
        var args = new ArrayList<>(List.of("compile", "--config", "tiny", "--program", program, "--length", "32"));
        args.addAll(List.of("--batch", Integer.toString(batch)));
        args.addAll(List.of(more));
        return Invocation.of(args.toArray(String[]::new));
    }

    @Test
    void badArgumentsAreNamed() {
        compile("--topology", "v9:2x2").complains(2, List.of("topology 'v9:2x2'", "v5:4x4x4"));
        compile("--topology", "v5:9999x9999x9999").complains(2, List.of("topology 'v5:9999x9999x9999'", "2^31"));
        compile("--topology", "v5e:2x2", "--mesh", "fsdp=8").complains(2, List.of("fsdp=8 has 8 devices", "has 4"));
        compile("--topology", "v5e:2x2", "--mesh", "4")
                .complains(2, List.of("--mesh: '4' is no mesh", "fsdp=16,tensor=4"));
        compile("--topology", "v5e:2x2", "--mesh", "expert=4").complains(2, List.of("expert"));
        compile("--topology", "v5e:2x2", "--shard", "nonsense").complains(2, List.of("--shard nonsense"));
        run("train-step", 0, "--topology", "v5e:2x2").complains(2, List.of("--batch"));
        run("train-step", 3, "--topology", "v5e:2x2").complains(2, List.of("batch.", "does not divide"));
        run("step", 4, "--topology", "v5e:2x2").complains(2, List.of("--program step", "train-step"));
        compile("--topology", "v5e:2x2", "--plugin", "nothing.so").complains(2, List.of("nothing.so"));
        run("denoise-step", 4, "--topology", "v5e:2x2", "--remat", "none")
                .complains(2, List.of("--remat has no effect on a denoise-step", "leave it out"));
        run("denoise-step", 4, "--topology", "v5e:2x2", "--optimizer", "adafactor")
                .complains(2, List.of("--optimizer has no effect on a denoise-step"));
    }

    /** That of a variable which was not set, and which Java would take for the working folder. */
    @Test
    void aConfigurationOfNoNameIsRefused() {
        var args = List.of("--program", "train-step", "--topology", "v5e:2x2", "--batch", "4", "--length", "32");
        var all = new ArrayList<>(List.of("compile", "--config", ""));
        all.addAll(args);
        Invocation.of(all.toArray(String[]::new)).complains(2, List.of("--config ''", "tiny, coda-1.7b, or"));
    }

    /** What a rule of {@code --shard} gets wrong is not the mesh's fault. */
    @Test
    void rulesThatCannotBeFollowedAreNamed() {
        shard("**.embed.weight=,fsdp", "matches no parameter", "**.embedTokens.weight, ", "**.qProj.weight");
        shard("**.embedTokens.weight=,expert", "names mesh axis 'expert'; the mesh is fsdp=4");
        shard("**.embedTokens.weight=,,fsdp", "more axes than 'state.model.model.embedTokens.weight'");
        shard("**.embedTokens.weight=fsdp,fsdp", "'fsdp' can split only one axis");
        run("denoise-step", 4, "--topology", "v5e:2x2", "--shard", "**.embed.weight=,fsdp")
                .complains(2, List.of("--shard **.embed.weight=,fsdp: ", "matches no parameter", "**.norm.weight"));
        run(
                        "train-step",
                        3,
                        "--topology",
                        "v5e:3x1",
                        "--shard",
                        "**.norm.weight=",
                        "--shard",
                        "**.embedTokens.weight=,fsdp")
                .complains(2, List.of("--shard **.embedTokens.weight=,fsdp: ", "fsdp=3 does not divide"));
        run("train-step", 3, "--topology", "v5e:3x1", "--shard", "**.norm.weight=")
                .complains(2, List.of("--mesh fsdp=3: ", "embedTokens", "fsdp=3 does not divide"));
    }

    private static void shard(String rule, String... words) {
        var expected = new ArrayList<>(List.of(words));
        expected.add("coda: --shard " + rule + ": ");
        compile("--topology", "v5e:2x2", "--shard", "**.norm.weight=", "--shard", rule)
                .complains(2, expected);
    }

    /** Before the program is traced, which takes long for a large model. */
    @Test
    void aPluginThatIsNotThereIsRefusedFirst() {
        var text = folder.resolve("step.mlir");
        compile("--topology", "v5e:2x2", "--plugin", "nothing.so", "--emit", text.toString())
                .complains(2, List.of("no PJRT plugin at 'nothing.so'"));
        assertFalse(Files.exists(text), "nothing was traced");
    }

    /** The process that loads it says why, and nothing of where in its code that was found. */
    @Test
    void aPluginThatIsNoLibraryIsNamed() throws IOException {
        var file = Files.createFile(folder.resolve("plugin.so"));
        var refused = compile("--topology", "v5e:2x2", "--plugin", file.toString());
        refused.complains(2, List.of("plugin.so"));
        assertFalse(refused.err().contains("io.coda4j"), refused::toString);
    }

    private static void requireLibtpu() {
        var probe = compile("--topology", "v5e:2x2", "--plugin", "tpu", "--flag", "xla_no_such_flag=1");
        Requirement.require(
                "libtpu",
                probe.err().contains("install the Python package libtpu")
                        ? Optional.of("libtpu is not installed: pip install libtpu")
                        : Optional.empty());
        probe.complains(2, List.of("xla_no_such_flag"));
    }

    /** On one axis and on two. */
    @Test
    void aTrainingStepIsCompiledForTpus() throws IOException {
        requireLibtpu();
        var v4 = json(compile("--topology", "v4:2x2x1", "--json"));
        var text = folder.resolve("step.mlir");
        var v5e = json(compile(
                "--topology",
                "v5e:2x2",
                "--mesh",
                "fsdp=2,tensor=2",
                "--remat",
                "none",
                "--json",
                "--emit",
                text.toString()));
        assertTrue(Files.readString(text).contains("sdy.mesh @mesh = <[\"fsdp\"=2, \"tensor\"=2]>"));
        assertEquals("adamw", v4.get("optimizer").asString());
        assertEquals("none", v5e.get("remat").asString());
        for (var report : List.of(v4, v5e)) {
            assertTrue(report.get("fits").asBoolean());
            assertEquals(4, report.get("devices").asInt());
            assertTrue(report.get("argumentBytes").asLong() > 0);
            assertEquals(
                    report.get("donatedBytes").asLong(),
                    report.get("argumentBytes").asLong(),
                    20_000);
            assertTrue(report.get("rooflineSeconds").asDouble() > 0);
            assertFalse(report.get("collectives").isEmpty());
        }
    }

    private static JsonNode json(Invocation invocation) {
        assertEquals(0, invocation.code(), invocation::toString);
        return new JsonMapper().readTree(invocation.out());
    }

    @Test
    void aProgramThatDoesNotFitSaysWhatWould() {
        requireLibtpu();
        var large = Invocation.of(
                "compile",
                "--config",
                "tiny",
                "--program",
                "denoise-step",
                "--topology",
                "v5e:2x2",
                "--batch",
                "4",
                "--length",
                "131072",
                "--dtype",
                "f32");
        assertEquals(1, large.code(), large::toString);
        assertTrue(large.out().contains("does not fit"), large::toString);
        assertTrue(large.out().contains("--length 65536"), large::toString);
        assertTrue(large.out().contains("--dtype bf16"), large::toString);
    }
}
