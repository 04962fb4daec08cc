package io.coda4j.diffusion;

import io.coda4j.nn.json.Json;
import io.coda4j.nn.safetensors.Safetensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The recorded results that tests replay. Model folders live with the module that owns models. */
public final class Fixtures {
    private static final Path HERE = Path.of("src/test/resources/fixtures");
    private static final Path MODELS = Path.of("../nn/src/test/resources/fixtures/forward");

    private Fixtures() {}

    public static Json json(String path) {
        return parse(HERE.resolve(path));
    }

    public static Safetensors tensors(String path) {
        return Safetensors.open(HERE.resolve(path));
    }

    public static Json.Obj modelConfig(String name) {
        return parse(MODELS.resolve(name).resolve("config.json")).asObject();
    }

    public static Path model(String name) {
        return MODELS.resolve(name);
    }

    public static List<String> lossCases() {
        try (var files = Files.list(HERE.resolve("loss"))) {
            return files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".json"))
                    .map(name -> name.substring(0, name.length() - ".json".length()))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Json parse(Path file) {
        try {
            return Json.parse(Files.readString(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
