package io.coda4j.bench.peers;

import io.coda4j.coder.files.TextFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Java and Python sources, each a text of its own. */
record SourceTexts(List<String> texts) {
    /**
     * All sources below {@code folder}, in the order of their paths; what a build has written is left out.
     *
     * @throws IllegalArgumentException if there are none
     */
    static SourceTexts below(Path folder) {
        try (var files = Files.walk(folder)) {
            var texts = files.filter(file -> isSource(folder.relativize(file)))
                    .sorted()
                    .map(TextFile::read)
                    .toList();
            if (texts.isEmpty()) {
                throw new IllegalArgumentException(folder + " holds no *.java or *.py; expected a folder of sources");
            }
            return new SourceTexts(texts);
        } catch (IOException e) {
            throw new UncheckedIOException(folder + ": cannot be searched for sources", e);
        }
    }

    private static boolean isSource(Path file) {
        var name = file.toString();
        for (var part : file) {
            if (part.toString().equals("target")) {
                return false;
            }
        }
        return name.endsWith(".java") || name.endsWith(".py");
    }

    /** Bytes of all texts in UTF-8. */
    long bytes() {
        return texts.stream()
                .mapToLong(text -> text.getBytes(StandardCharsets.UTF_8).length)
                .sum();
    }
}
