package io.coda4j.coder.report;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class TicksTest {
    @Test
    void stepsAreOneTwoOrFive() {
        assertEquals(
                List.of("0", "2", "4", "6", "8", "10"),
                Ticks.linear(0, 10, 5, false).labels());
        assertEquals(
                List.of("0", "0.1", "0.2", "0.3"),
                Ticks.linear(0, 0.3, 3, false).labels());
        assertEquals(List.of(0.0, 0.1, 0.2, 0.3), Ticks.linear(0, 0.3, 3, false).values());
        assertEquals(List.of("-5", "0", "5"), Ticks.linear(-6, 7, 3, false).labels());
    }

    @Test
    void largeAndSmallNumbersShareAUnit() {
        assertEquals(List.of("0", "5M", "10M"), Ticks.linear(0, 12e6, 3, false).labels());
        assertEquals(
                List.of("0", "500", "1000", "1500"),
                Ticks.linear(0, 1600, 3, false).labels());
        assertEquals(
                List.of("0", "0.5e15", "1.0e15"),
                Ticks.linear(0, 1e15, 2, false).labels());
        assertEquals(
                List.of("0", "0.5M", "1.0M", "1.5M"),
                Ticks.linear(0, 1.6e6, 3, false).labels());
        assertEquals(
                List.of("0", "1e-4", "2e-4", "3e-4"),
                Ticks.linear(0, 3e-4, 3, false).labels());
        assertEquals(
                List.of("0 %", "10 %", "20 %"), Ticks.linear(0, 0.2, 2, true).labels());
    }

    @Test
    void logarithmicTicksFillFewDecadesAndThinManyOut() {
        assertEquals(
                List.of("2", "5", "10", "20"), Ticks.logarithmic(1.5, 30, 6).labels());
        assertEquals(
                List.of("1", "10", "100", "1k", "10k", "100k"),
                Ticks.logarithmic(1, 3e5, 6).labels());
        assertEquals(
                List.of("0.01", "0.02", "0.05", "0.1"),
                Ticks.logarithmic(0.01, 0.1, 6).labels());
        assertEquals(
                List.of("500", "1k", "2k", "5k", "10k"),
                Ticks.logarithmic(300, 12_000, 6).labels());
        assertEquals(5, Ticks.logarithmic(1e-12, 1e12, 5).values().size());
    }

    @Test
    void axesEndOnTicks() {
        for (double high : new double[] {10.7, 5.2, 1e-7, 12345.6, 0.99, 1.01, 7e14}) {
            for (int count = 2; count < 10; count++) {
                var ends = Ticks.roundOutward(0, high, count);
                var values = Ticks.linear(ends.low(), ends.high(), count, false).values();
                assertEquals(0, values.getFirst());
                assertEquals(ends.high(), values.getLast(), 1e-9 * high);
            }
        }
    }
}
