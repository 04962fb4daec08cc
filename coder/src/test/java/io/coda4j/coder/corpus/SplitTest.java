package io.coda4j.coder.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class SplitTest {
    private static String held(Split split) {
        var drawn = new StringBuilder();
        IntStream.range(0, 2_000).forEach(i -> drawn.append(split.holdsOut("a/b/File" + i + ".java") ? '1' : '0'));
        return drawn.toString();
    }

    @Test
    void aboutTheWantedShareIsHeldOut() {
        long count = held(new Split(0, 0.1)).chars().filter(c -> c == '1').count();
        assertTrue(count > 150 && count < 250, () -> count + " of 2000");
        assertFalse(held(new Split(0, 0)).contains("1"));
    }

    @Test
    void theSeedChoosesTheSplit() {
        assertEquals(held(new Split(3, 0.1)), held(new Split(3, 0.1)));
        assertNotEquals(held(new Split(3, 0.1)), held(new Split(4, 0.1)));
    }

    @Test
    void theSplitOfKnownPathsNeverChanges() {
        // Recorded: published numbers refer to this split, so a change of the hash must be noticed.
        var split = Split.DEFAULT;
        var heldOut = IntStream.range(0, 60)
                .filter(i -> split.holdsOut("org/example/Class" + i + ".java"))
                .boxed()
                .toList();
        assertEquals(List.of(6, 9, 12, 14, 50, 52, 53), heldOut);
    }

    @Test
    void impossibleFractionsAreRefused() {
        for (double fraction : new double[] {-0.1, 1, Double.NaN}) {
            assertThrows(CorpusException.class, () -> new Split(0, fraction));
        }
    }
}
