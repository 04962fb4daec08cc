package io.coda4j.coder.parity;

import io.coda4j.nn.files.FailureReason;
import io.coda4j.nn.json.Json;
import io.coda4j.nn.json.JsonException;
import io.coda4j.tensor.Primitive.AttentionMask;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.Stream;

/** Where the recorded results lie: one folder per family. */
record FixtureFolder(Path root) {
    Path resolve(String path) {
        return root.resolve(path);
    }

    boolean contains(String path) {
        return Files.exists(resolve(path));
    }

    /** The names of the folders in {@code family}, in order. */
    List<String> folders(String family) {
        return list(family, Files::isDirectory);
    }

    /** The names without suffix of the files in {@code family} that have one of {@code suffixes}, in order. */
    List<String> stems(String family, String... suffixes) {
        return list(family, Files::isRegularFile).stream()
                .flatMap(name -> Stream.of(suffixes)
                        .filter(name::endsWith)
                        .map(suffix -> name.substring(0, name.length() - suffix.length())))
                .distinct()
                .sorted()
                .toList();
    }

    private List<String> list(String family, Predicate<Path> wanted) {
        try (var files = Files.list(resolve(family))) {
            return files.filter(wanted)
                    .map(file -> file.getFileName().toString())
                    .filter(name -> !name.startsWith("."))
                    .sorted()
                    .toList();
        } catch (IOException e) {
            throw new ParityException(resolve(family) + ": cannot be listed: " + FailureReason.of(e), e);
        }
    }

    Json json(String path) {
        var file = resolve(path);
        try {
            return Json.parse(Files.readString(file));
        } catch (IOException e) {
            throw new ParityException(file + ": cannot be read: " + FailureReason.of(e), e);
        } catch (JsonException e) {
            throw new ParityException(file + ": is not valid JSON: " + e.getMessage(), e);
        }
    }

    RecordedTensors tensors(String path) {
        return RecordedTensors.open(resolve(path));
    }

    /** The folder of the model of a forward case, which must be there. */
    Path model(String name) {
        if (name.isEmpty() || name.contains("/") || name.contains("\\") || name.startsWith(".")) {
            throw new ParityException("\"" + name + "\" is not the name of a forward case");
        }
        var folder = resolve("forward").resolve(name);
        if (!Files.isDirectory(folder)) {
            throw new ParityException(
                    folder + ": no such folder; the case needs the model recorded there, so copy forward/ to " + root
                            + " too");
        }
        return folder;
    }

    /** The attention that {@code case.json} of a forward case asks for. */
    AttentionMask attention(String forwardCase) {
        var path = "forward/" + forwardCase + "/case.json";
        var attention = json(path).asObject().member("attention").asString();
        return switch (attention) {
            case "bidirectional" -> AttentionMask.FULL;
            case "causal" -> AttentionMask.CAUSAL;
            default ->
                throw new ParityException(resolve(path) + ": \"attention\" is \"" + attention
                        + "\", expected \"bidirectional\" or \"causal\"");
        };
    }
}
