package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.coda4j.coder.tokenizer.PairCounts.Word;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class PairCountsTest {
    /** Every merge happens at one place of a long word; to go through all of the word for each takes many minutes. */
    @Test
    void aMergeTouchesOnlyItsPlacesInALongWord() {
        int length = 1_000_000;
        var words = new ArrayList<Word>();
        words.add(new Word(IntStream.range(0, length).toArray(), 1));
        for (int id = 0; id < length; id += 2) {
            words.add(new Word(new int[] {id, id + 1}, 1));
        }
        assertTimeoutPreemptively(Duration.ofSeconds(60), () -> {
            var counts = new PairCounts(words);
            for (int i = 0; i < length / 2; i++) {
                assertEquals(new PairCounts.Candidate(2 * i, 2 * i + 1, 2), counts.removeBest());
                counts.merge(new PairCounts.Candidate(2 * i, 2 * i + 1, 2), length + i);
            }
            assertEquals(new PairCounts.Candidate(length, length + 1, 1), counts.removeBest());
        });
    }

    /** One token that two merges make: the places of a pair with it are listed by both, and are merged from the left. */
    @Test
    void placesOfAPairAreMergedFromTheLeftWhateverMadeThem() {
        int merged = 9;
        // Token 9 is 1 with 2 and 3 with 4: the second merge makes it at places before those of the first.
        var counts = new PairCounts(List.of(new Word(new int[] {3, 4, 1, 2, 1, 2}, 1)));
        counts.merge(new PairCounts.Candidate(1, 2, 2), merged);
        counts.merge(new PairCounts.Candidate(3, 4, 1), merged);
        assertEquals(new PairCounts.Candidate(merged, merged, 2), counts.removeBest());
        counts.merge(new PairCounts.Candidate(merged, merged, 2), 10);
        assertEquals(new PairCounts.Candidate(10, merged, 1), counts.removeBest());
    }
}
