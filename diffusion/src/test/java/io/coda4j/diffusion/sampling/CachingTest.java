package io.coda4j.diffusion.sampling;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.diffusion.sampling.Caching.Pass;
import io.coda4j.diffusion.sampling.Caching.Progress;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Which columns each scheme computes, for a row of 40 columns with a window from 16 to 24. */
class CachingTest {
    private static final Pass WHOLE = new Pass(0, 40);
    private static final Window WINDOW = new Window(16, 24, 1, 8);

    private static Progress progress(int lead, int lastWindowStart, int firstStale, int lastStale, int passes) {
        return new Progress(40, lead, WINDOW, lastWindowStart, firstStale, lastStale, passes);
    }

    /** In the midst of the window, with a commit inside it. */
    private static Progress midst(int passes) {
        return progress(1, 16, 18, 20, passes);
    }

    @Test
    void withoutACacheEverythingIsComputed() {
        assertEquals(WHOLE, new Caching.None().pass(midst(3)));
        assertTrue(new Caching.None().isExact());
    }

    @Test
    void windowsStartOneColumnEarlyWhereStatesPredictTheNextToken() {
        assertEquals(new Pass(15, 40), new Caching.Prefix(0).pass(midst(1)));
        assertEquals(new Pass(15, 24), new Caching.Dual(0).pass(midst(1)));
        assertEquals(new Pass(15, 24), new Caching.Delayed(0).pass(midst(1)));
        assertEquals(new Pass(16, 24), new Caching.Dual(0).pass(progress(0, 16, 18, 20, 1)));
        var atTheStart = new Progress(40, 1, new Window(0, 8, 1, 8), 0, 40, -1, 1);
        assertEquals(new Pass(0, 8), new Caching.Dual(0).pass(atTheStart));
    }

    @Test
    void theFirstPassAndThoseThatAreDueGoOverTheWholeRow() {
        for (var caching : List.of(new Caching.Prefix(3), new Caching.Dual(3), new Caching.Delayed(3))) {
            assertEquals(WHOLE, caching.pass(progress(1, -1, 0, 39, 0)), caching.label());
            assertFalse(caching.pass(midst(2)).equals(WHOLE), caching.label());
            assertEquals(WHOLE, caching.pass(midst(3)), caching.label());
            assertFalse(caching.isExact());
        }
        for (var caching : List.of(new Caching.Prefix(1), new Caching.Dual(1), new Caching.Delayed(1))) {
            assertEquals(WHOLE, caching.pass(midst(1)), caching.label());
            assertTrue(caching.isExact());
        }
    }

    @Test
    void aNewWindowRenewsThePrefixAndTheDualCacheOnly() {
        // The last commits of the window before, at columns 12 and 15.
        var next = progress(1, 8, 12, 15, 5);
        assertEquals(WHOLE, new Caching.Prefix(0).pass(next));
        assertEquals(WHOLE, new Caching.Dual(0).pass(next));
        assertEquals(new Pass(12, 24), new Caching.Delayed(0).pass(next));
    }

    @Test
    void aChangeBehindTheWindowNeedsEverything() {
        assertEquals(WHOLE, new Caching.Dual(0).pass(progress(1, 16, 30, 30, 2)));
        assertEquals(WHOLE, new Caching.Delayed(0).pass(progress(1, 16, 30, 30, 2)));
        assertEquals(new Pass(10, 24), new Caching.Dual(0).pass(progress(1, 16, 10, 10, 2)));
    }

    @Test
    void autoregressiveModelsComputeWhatIsNew() {
        var caching = new Caching.Causal();
        // A prompt of nine tokens, then one at a time.
        assertEquals(new Pass(0, 9), caching.pass(new Progress(20, 1, new Window(9, 10, 0, 1), -1, 0, 19, 0)));
        assertEquals(new Pass(9, 10), caching.pass(new Progress(20, 1, new Window(10, 11, 0, 1), 9, 9, 19, 1)));
        // Nothing new: the state of the last column is needed all the same.
        assertEquals(new Pass(8, 9), caching.pass(new Progress(20, 1, new Window(9, 10, 0, 1), 9, 9, 19, 1)));
    }

    @Test
    void refreshIsNotNegative() {
        assertThrows(IllegalArgumentException.class, () -> new Caching.Dual(-1));
    }
}
