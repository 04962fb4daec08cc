package io.coda4j.coder.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Duration;
import org.junit.jupiter.api.Test;

class QuantityTest {
    @Test
    void writesThreeDigitsAndASuffix() {
        assertEquals("0", Quantity.compact(0));
        assertEquals("3.21", Quantity.compact(3.2144));
        assertEquals("532", Quantity.compact(532.4));
        assertEquals("1k", Quantity.compact(999.9));
        assertEquals("18.3k", Quantity.compact(18_300));
        assertEquals("-1.38M", Quantity.compact(-1_380_500));
        assertEquals("100k", Quantity.compact(99_960));
        assertEquals("3.1e-4", Quantity.compact(3.1e-4));
        assertEquals("3e-4", Quantity.compact(3e-4));
        assertEquals("999T", Quantity.compact(999.4e12));
        assertEquals("1e15", Quantity.compact(999.6e12));
        assertEquals("-3.3e38", Quantity.compact(-3.3412e38));
        assertEquals("NaN", Quantity.compact(Double.NaN));
    }

    @Test
    void writesDurationsWithTwoUnits() {
        assertEquals("0.4 s", Quantity.duration(Duration.ofMillis(400)));
        assertEquals("45 s", Quantity.duration(Duration.ofSeconds(45)));
        assertEquals("2 min 10 s", Quantity.duration(Duration.ofSeconds(130)));
        assertEquals("1 h 5 min", Quantity.duration(Duration.ofMinutes(65)));
        assertEquals("3 d 4 h", Quantity.duration(Duration.ofHours(76)));
    }

    @Test
    void writesBytesAndShares() {
        assertEquals("512 B", Quantity.bytes(512));
        assertEquals("1.5 GiB", Quantity.bytes(3L << 29));
        assertEquals("38.6 %", Quantity.percent(0.3861));
    }
}
