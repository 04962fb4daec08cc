package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class BudgetTest {
    @Test
    void stepsAreCountedWhateverTheyTake() {
        var budget = new Budget.Steps(10);
        assertEquals(3, budget.position(3, 500, 7));
        assertFalse(budget.isUsedUp(9, 1 << 20));
        assertTrue(budget.isUsedUp(10, 0));
    }

    @Test
    void ofATimeThePositionIsThePartOfTheStepsThatFit() {
        var budget = new Budget.Time(10_000);
        assertEquals(0, budget.position(0, 0, 0));
        // 10 steps took half the time; 90 more fit into the rest.
        assertEquals(1000, budget.position(10, 5000, 5000.0 / 90));
        assertFalse(budget.isUsedUp(10, 9999));
        assertTrue(budget.isUsedUp(10, 10_000));
        assertEquals(10_000, budget.position(10, 10_001, 50));
    }

    @Test
    void aSteadyRunGoesByTheClock() {
        var budget = new Budget.Time(10_000);
        for (int step = 1; step <= 100; step++) {
            assertEquals(step * 100L, budget.position(step, step * 100L, 100));
        }
    }

    @Test
    void theTimeOfAStepIsThatOfTheFastestOfTheLast() {
        var times = new StepTimes();
        assertEquals(0, times.current());
        times.add(10_000);
        times.add(40);
        times.add(60);
        assertEquals(40, times.current());
        for (int i = 0; i < 31; i++) {
            times.add(50);
        }
        assertEquals(50, times.current());
    }
}
