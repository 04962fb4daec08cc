package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.train.SmallRun;
import io.coda4j.coder.xla.XlaCompiler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code coda train --mesh}: what it refuses, and that it trains. */
class MeshCommandTest {
    @TempDir
    private Path folder;

    private Path recipe;

    @BeforeEach
    void writeRecipe() throws IOException {
        var yaml = new SmallRun(folder)
                .yaml(4, 2)
                .replace("rows: 3", "rows: 4")
                .replace("scoreBucket: 16", "scoreBucket: 96");
        recipe = Files.writeString(folder.resolve("small.yaml"), yaml);
    }

    private Invocation train(String... more) {
        var args = new ArrayList<>(List.of(
                "train",
                "--config",
                recipe.toString(),
                "--out",
                folder.resolve("run").toString()));
        args.addAll(List.of(more));
        return Invocation.of(args.toArray(String[]::new));
    }

    @Test
    void meshesThatCannotBeAreOneClearLine() {
        train("--mesh", "fsdp").complains(2, List.of("--mesh fsdp", "'fsdp' is no mesh", "fsdp=16,tensor=4"));
        train("--mesh", "fsdp=0").complains(2, List.of("--mesh fsdp=0", "at least one device"));
        train("--mesh", "expert=2").complains(2, List.of("--mesh expert=2", "not 'expert'"));
        train("--mesh", "fsdp=3").complains(2, List.of("--mesh fsdp=3", "batch.rows", "multiple of 3"));
        train("--mesh", "tensor=5").complains(2, List.of("--mesh tensor=5", "does not divide"));
        train("--mesh", "fsdp=2")
                .complains(2, List.of("device cpu cannot be spread over a mesh fsdp=2", "such as pjrt:tpu"));
        train("--mesh", "fsdp=2", "--device", "opencl:0")
                .complains(2, List.of("device opencl:0 cannot be spread over a mesh fsdp=2"));
        train("--mesh", "fsdp=2", "--device", "auto").complains(2, List.of("auto", "pjrt:tpu"));
        assertTrue(Files.notExists(folder.resolve("run")), "a folder was left");
    }

    @Test
    void aRunIsSpreadOverDevicesAndGoesOnWithoutThem() throws IOException {
        XlaCompiler.device();
        train("--mesh", "fsdp=16", "--device", "xla").complains(2, List.of("fsdp=16", "batch.rows"));
        train("--mesh", "tensor=16", "--device", "xla").complains(2, List.of("tensor=16"));
        var first = train("--mesh", "fsdp=2,tensor=2", "--device", "xla", "--json");
        assertEquals(0, first.code(), first::toString);
        assertTrue(Files.readString(folder.resolve("run/metrics.jsonl"))
                .contains("4 of 8 devices as mesh fsdp=2,tensor=2"));
        assertTrue(Files.readString(folder.resolve("run/recipe.yaml")).contains("fsdp=2,tensor=2"));
        var again = train("--resume", "--json");
        assertEquals(0, again.code(), again::toString);
        assertTrue(again.err().contains("going on after step 4"), again::toString);
    }
}
