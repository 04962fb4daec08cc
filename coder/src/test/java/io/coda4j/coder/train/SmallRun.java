package io.coda4j.coder.train;

import io.coda4j.tensor.spi.Device;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A training run small enough for a test, on Java files written for it. */
public final class SmallRun {
    private final Path folder;

    /** Writes the Java files below {@code folder}; three of their names are among those that are held out. */
    public SmallRun(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectories(sources());
        for (int i = 30; i < 70; i++) {
            Files.writeString(sources().resolve("Shape" + i + ".java"), source(i));
        }
    }

    private static String source(int i) {
        var text = new StringBuilder("class Shape" + i + " {\n");
        for (int k = 0; k < 12; k++) {
            text.append("    int side")
                    .append((i * 7 + k * 3) % 40)
                    .append("(int x) {\n        if (x > ")
                    .append((i + k) % 10)
                    .append(") {\n            return x * ")
                    .append((i * k) % 12)
                    .append(";\n        }\n        return ")
                    .append(k)
                    .append(" + x;\n    }\n");
        }
        return text.append("}\n").toString();
    }

    /** The folder that the recipe's text comes from. */
    public Path sources() {
        return folder.resolve("sources");
    }

    /** The settings of a run of {@code steps} steps with a checkpoint every {@code checkpointEvery} steps. */
    public String yaml(int steps, int checkpointEvery) {
        return """
                seed: 5
                corpus: {source: "%s"}
                tokenizer: {vocabulary: 300}
                model: {hidden: 16, layers: 2, heads: 2, keyValueHeads: 1, headDim: 8, intermediate: 24}
                batch: {rows: 3, length: 24}
                masking: {prefix: 0.2, truncate: 0.1, block: 0.3, blockSizes: [[2, 3]]}
                loss: {scoreBucket: 16, chunkRows: 40}
                run: {steps: %d, evaluateEvery: 5, evaluationBlocks: 4, checkpointEvery: %d}
                """.formatted(sources(), steps, checkpointEvery);
    }

    Recipe recipe(int steps) {
        return recipe(steps, "");
    }

    /** The usual recipe with more settings. */
    Recipe recipe(int steps, String more) {
        return RecipeFile.parse("test", yaml(steps, 4) + more);
    }

    Path out(String name) {
        return folder.resolve(name);
    }

    /** Trains to the end and gives the losses of the steps of this process. */
    List<Double> train(String name, Recipe recipe, boolean resume, Device device, TrainingListener also) {
        var losses = new ArrayList<Double>();
        try (var run = TrainingRun.prepare(out(name), recipe, resume, device, note -> {})) {
            run.train(new TrainingListener() {
                @Override
                public void stepped(Step step) {
                    losses.add(step.loss());
                    also.stepped(step);
                }
            });
        }
        return losses;
    }
}
