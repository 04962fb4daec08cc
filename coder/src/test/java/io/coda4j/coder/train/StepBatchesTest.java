package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.tokenizer.BpeTrainer;
import io.coda4j.diffusion.SegmentIds;
import io.coda4j.tensor.Array;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StepBatchesTest {
    @TempDir
    private Path folder;

    /** Else the last document of a truncated row would see all of its padding. */
    @Test
    void documentsAreThoseOfTheTextBeforeItIsTruncated() throws IOException {
        var small = new SmallRun(folder);
        var recipe = RecipeFile.parse(
                "test",
                small.yaml(2, 1)
                        .replace("truncate: 0.1", "truncate: 1")
                        .replace("prefix: 0.2", "prefix: 0")
                        .replace("length: 24}", "length: 24, segmentAttention: true}"));
        var tokenizer = BpeTrainer.ofSize(300).train(List.of("int a = 1; int b = 2;"), (done, total) -> {});
        CodaConfig config = recipe.config(tokenizer);
        var tokens = IntStream.range(0, 24 * 9)
                .map(i -> i % 5 == 4 ? config.eosToken() : i % 5)
                .toArray();
        var blocks = new TokenBlocks(tokens, 24, recipe.seed());
        var batch = new StepBatches(recipe, config, blocks).at(0, 0);

        var clean = new int[3 * 24];
        for (int row = 0; row < 3; row++) {
            blocks.copy(row, clean, row * 24);
        }
        assertTrue(
                Arrays.stream(batch.noised().targets()).anyMatch(id -> id == config.padToken()), "nothing truncated");
        assertArrayEquals(
                SegmentIds.of(clean, 3, 24, config.eosToken()),
                ((Array) batch.input().segments()).toInts());
    }
}
