package io.coda4j.coder.terminal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private final AtomicLong clock = new AtomicLong(-5);

    private Pace pace(Budget budget, long step, Duration elapsed) {
        return new Pace(budget, step, elapsed, clock::get);
    }

    private void pass(double seconds) {
        clock.addAndGet((long) (seconds * 1e9));
    }

    private static final Budget.Steps HUNDRED = new Budget.Steps(100);
    private static final Budget.Time MINUTE = new Budget.Time(Duration.ofMinutes(1));

    @Test
    void aFileGetsALineEveryFivePercent() {
        var screen = Screen.file(StandardCharsets.UTF_8);
        try (var progress = new LogProgress(screen.terminal().out(), "train", pace(HUNDRED, 0, Duration.ZERO))) {
            for (int step = 1; step <= 100; step++) {
                pass(1);
                progress.update(step, "loss 3.21 | 18.3k tok/s");
            }
        }
        var lines = screen.written().lines().toList();
        assertEquals(20, lines.size(), screen.written());
        assertEquals("train   5 %  step 5/100  loss 3.21 | 18.3k tok/s  (5.0 s, 1 min 35 s left)", lines.getFirst());
        assertEquals("train 100 %  step 100/100  loss 3.21 | 18.3k tok/s  (1 min 40 s)", lines.getLast());
        assertFalse(screen.written().contains("\u001b") || screen.written().contains("\r"));
    }

    @Test
    void aSlowRunGetsALineEveryTenSeconds() {
        var screen = Screen.file(StandardCharsets.UTF_8);
        try (var progress = new LogProgress(
                screen.terminal().out(), "train", pace(new Budget.Steps(1_000_000), 0, Duration.ZERO))) {
            for (int step = 1; step <= 205; step++) {
                pass(0.5);
                progress.update(step, "");
            }
            progress.println("saved a checkpoint");
        }
        // Ten at 10 s, 20 s ..., the printed line, and the last step.
        assertEquals(12, screen.written().lines().count(), screen.written());
    }

    @Test
    void theTimeLeftComesFromTheBudgetThatEndsFirst() {
        var used = Duration.ofSeconds(20);
        assertEquals(Optional.of(Duration.ofSeconds(45)), HUNDRED.remaining(10, used, 2, 1));
        assertEquals(Optional.empty(), HUNDRED.remaining(0, used, 0, 0));
        assertEquals(Optional.of(Duration.ofSeconds(40)), MINUTE.remaining(10, used, 2, 1));
        assertEquals(Optional.of(Duration.ofSeconds(160)), MINUTE.remaining(10, used, 2, .25));
        assertEquals(Optional.empty(), MINUTE.remaining(0, used, 0, 0));
        var both = new Budget.Earlier(HUNDRED, MINUTE);
        assertEquals(Optional.of(Duration.ofSeconds(40)), both.remaining(10, used, 2, 1));
        assertEquals(Optional.of(Duration.ofSeconds(9)), both.remaining(10, used, 10, 1));
        assertEquals(1 / 3.0, both.fraction(10, used), 1e-9);
        assertEquals(0.9, both.fraction(90, used), 1e-9);
        assertEquals(1, MINUTE.fraction(0, Duration.ofHours(1)));
        assertEquals(Optional.of(Duration.ZERO), MINUTE.remaining(0, Duration.ofHours(1), 1, 1));
        assertEquals(Optional.empty(), both.remaining(0, used, 0, 0));
    }

    @Test
    void aResumedRunEstimatesFromItsOwnPace() {
        var pace = pace(HUNDRED, 50, Duration.ofHours(1));
        pass(10);
        assertEquals(Optional.of(Duration.ofSeconds(40)), pace.remaining(60, pace.elapsed()));
        assertEquals(Duration.ofSeconds(3610), pace.elapsed());
    }

    @Test
    void aTerminalGetsABar() {
        var screen = Screen.tty(100, 24, Map.of("TERM", "xterm", "NO_COLOR", "1"));
        try (var progress = Progress.start(screen.terminal(), "train", HUNDRED)) {
            assertInstanceOf(BarProgress.class, progress);
            progress.update(25, "loss 3.21 | 18.3k tok/s");
            progress.println("a line above");
            progress.update(50, "loss 2.50 | 18.4k tok/s");
        }
        var visible = screen.visible();
        assertEquals("a line above", visible.getFirst());
        var bar = visible.get(1);
        assertTrue(bar.contains("train") && bar.contains("50%") && bar.contains("50/100"), bar);
        assertTrue(bar.contains("loss 2.50 | 18.4k tok/s") && bar.length() < 100, bar);
    }

    @Test
    void aTimeBudgetFillsTheBarWithSeconds() {
        var screen = Screen.tty(100, 24, Map.of("NO_COLOR", "1"));
        var pace = pace(MINUTE, 0, Duration.ZERO);
        try (var progress = new BarProgress(screen.terminal(), "train", pace)) {
            pass(30);
            progress.update(7, "");
        }
        var bar = screen.visible().getFirst();
        assertTrue(bar.contains("50%") && bar.contains("30/60 s"), bar);
        assertTrue(bar.contains("/ 0:00:30"), bar);
    }

    /** Half of the time goes to evaluations, for which the budget does not pay. */
    @Test
    void timeThatTheBudgetDoesNotPayForIsNoProgress() {
        var screen = Screen.file(StandardCharsets.UTF_8);
        try (var progress = new LogProgress(screen.terminal().out(), "train", pace(MINUTE, 0, Duration.ZERO))) {
            for (int step = 1; step <= 6; step++) {
                pass(20);
                progress.update(step, Duration.ofSeconds(10L * step), "");
            }
        }
        var lines = screen.written().lines().toList();
        assertEquals(6, lines.size(), screen.written());
        assertEquals("train  17 %  step 1    (20 s, 1 min 40 s left)", lines.getFirst());
        assertEquals("train  67 %  step 4    (1 min 20 s, 40 s left)", lines.get(3));
        assertEquals("train 100 %  step 6    (2 min 0 s)", lines.getLast());
    }

    @Test
    void theBarOfAResumedRunStandsAtWhatIsUsed() {
        var screen = Screen.tty(100, 24, Map.of("NO_COLOR", "1"));
        var pace = pace(MINUTE, 3, Duration.ofSeconds(20));
        try (var progress = new BarProgress(screen.terminal(), "train", pace)) {
            pass(100);
            progress.update(7, Duration.ofSeconds(30), "");
        }
        var bar = screen.visible().getFirst();
        assertTrue(bar.contains("50%") && bar.contains("30/60 s"), bar);
        // A tenth of the time that passes is used, and half a minute is left.
        assertTrue(bar.contains("/ 0:05:00"), bar);
    }

    @Test
    void aFileGetsLines() {
        var screen = Screen.file(StandardCharsets.UTF_8);
        try (var progress = Progress.start(screen.terminal(), "train", HUNDRED)) {
            assertInstanceOf(LogProgress.class, progress);
        }
        assertEquals("", screen.written(), "no step was done");
    }
}
