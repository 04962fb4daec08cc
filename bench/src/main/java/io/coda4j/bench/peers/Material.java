package io.coda4j.bench.peers;

import java.nio.file.Path;
import java.util.List;

/**
 * What some pieces of work are made from. All engines are given the same.
 *
 * @param layers of the model of {@code denoise}
 * @param model folder of its checkpoint
 * @param int8Model folder of the same with INT8 weights
 * @param tokenizer file of the tokenizer of {@code encode}
 * @param texts folder of the sources that it encodes
 */
record Material(int layers, Path model, Path int8Model, Path tokenizer, Path texts) {
    /** For work that needs none. */
    static final Material NONE = new Material(0, Path.of(""), Path.of(""), Path.of(""), Path.of(""));

    /** As words of a command line. */
    List<String> words() {
        return List.of(
                String.valueOf(layers), model.toString(), int8Model.toString(), tokenizer.toString(), texts.toString());
    }

    /** What {@link #words} wrote. */
    static Material of(List<String> words) {
        return new Material(
                Integer.parseInt(words.get(0)),
                Path.of(words.get(1)),
                Path.of(words.get(2)),
                Path.of(words.get(3)),
                Path.of(words.get(4)));
    }
}
