package io.coda4j.bench.decode;

import io.coda4j.coder.generate.Precision;
import java.nio.file.Path;
import java.util.List;

/**
 * What one cell of the table is to measure.
 *
 * @param model folder of a checkpoint
 * @param device by name
 * @param promptTokens random ones, before the masks
 * @param newTokens masks
 * @param seed of the prompt and of the run
 * @param block columns of a block, where decoding goes block by block
 * @param threshold probability from which tokens are committed, where a threshold decides
 * @param sampleSteps steps of an exact run that are measured to estimate the others from, or 0 for a whole run
 */
record CellRequest(
        Decoding decoding,
        Precision precision,
        Path model,
        String device,
        int promptTokens,
        int newTokens,
        long seed,
        int block,
        double threshold,
        int sampleSteps) {
    /** The name of the cell. */
    String name() {
        return decoding.label() + " " + precision.label();
    }

    /** Whether a part of the steps stands for all of them. */
    boolean isSampled() {
        return decoding == Decoding.EXACT && sampleSteps > 0;
    }

    /** The steps that the cell reports while it runs, at the most. */
    int steps() {
        return isSampled() ? SampledSteps.RUNS * sampleSteps : newTokens;
    }

    /** As words of a command line. */
    List<String> words() {
        return List.of(
                decoding.name(),
                precision.name(),
                model.toString(),
                device,
                String.valueOf(promptTokens),
                String.valueOf(newTokens),
                String.valueOf(seed),
                String.valueOf(block),
                String.valueOf(threshold),
                String.valueOf(sampleSteps));
    }

    /** What {@link #words} wrote. */
    static CellRequest of(List<String> words) {
        return new CellRequest(
                Decoding.valueOf(words.get(0)),
                Precision.valueOf(words.get(1)),
                Path.of(words.get(2)),
                words.get(3),
                Integer.parseInt(words.get(4)),
                Integer.parseInt(words.get(5)),
                Long.parseLong(words.get(6)),
                Integer.parseInt(words.get(7)),
                Double.parseDouble(words.get(8)),
                Integer.parseInt(words.get(9)));
    }
}
