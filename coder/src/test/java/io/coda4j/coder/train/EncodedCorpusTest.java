package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.corpus.CharRange;
import io.coda4j.coder.corpus.SourceFile;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.BpeTrainer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class EncodedCorpusTest {
    private static final BpeTokenizer TOKENIZER =
            BpeTrainer.ofSize(300).train(List.of("int first = second + first;\n"), (done, total) -> {});

    private static EncodedCorpus encoded(String text, List<CharRange> seen) {
        return EncodedCorpus.of(List.of(new SourceFile("A.java", "a", text, seen)), TOKENIZER);
    }

    @Test
    void tokensThatReachIntoSeenRangesAreNotFresh() {
        // Tokens of several letters, and several tokens of one letter.
        var text = "int first = é + second; // \uD83D\uDE00 ".repeat(20);
        var random = new Random(5);
        int[] ids = TOKENIZER.encode(text, false);
        int[] offsets = TOKENIZER.charOffsets(ids);
        for (int round = 0; round < 50; round++) {
            var seen = ranges(text.length(), random);
            var fresh = encoded(text, seen).fresh();
            for (int i = 0; i < ids.length; i++) {
                int start = offsets[i];
                int end = Math.max(i + 1 < ids.length ? offsets[i + 1] : text.length(), start + 1);
                boolean reachesIn = seen.stream().anyMatch(range -> start < range.end() && end > range.start());
                assertEquals(!reachesIn, fresh[i], "token " + i + " at " + start + " with " + seen);
            }
            assertTrue(fresh[ids.length], "the end token");
        }
    }

    /** Ascending and disjoint, now touching and now far apart. */
    private static List<CharRange> ranges(int length, Random random) {
        var ranges = new ArrayList<CharRange>();
        for (int at = random.nextInt(9); at < length - 9; at = ranges.getLast().end() + random.nextInt(9)) {
            ranges.add(new CharRange(at, at + 1 + random.nextInt(9)));
        }
        return ranges;
    }

    @Test
    void manySeenRangesInALongFileAreMarkedInOneWalk() {
        var text = "a;".repeat(500_000);
        var seen = IntStream.range(0, 250_000)
                .mapToObj(i -> new CharRange(4 * i, 4 * i + 1))
                .toList();
        // Each token with each range would be 10^11 comparisons.
        var fresh = assertTimeoutPreemptively(
                Duration.ofSeconds(30), () -> encoded(text, seen).fresh());
        assertEquals(
                250_000, IntStream.range(0, fresh.length).filter(i -> !fresh[i]).count());
    }
}
