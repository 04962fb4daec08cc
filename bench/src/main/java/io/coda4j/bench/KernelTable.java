package io.coda4j.bench;

import io.coda4j.tensor.spi.KernelClock;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * Where a device says that a step spends its time, by its own clock.
 *
 * @param lines of all measured steps, the most expensive first
 * @param steps how many they were
 */
record KernelTable(List<KernelClock.Line> lines, int steps) {
    private double millis(long nanos) {
        return nanos * 1e-6 / steps;
    }

    private long sum() {
        return lines.stream().mapToLong(KernelClock.Line::nanos).sum();
    }

    /** Prints the {@code most} most expensive lines, and the sum of all; times and calls are those of one step. */
    void print(int most) {
        System.out.printf(Locale.ROOT, "%9s %7s %10s %6s  %s%n", "device ms", "calls", "each us", "share", "kernel");
        for (var line : lines.subList(0, Math.min(most, lines.size()))) {
            System.out.printf(
                    Locale.ROOT,
                    "%9.3f %7.1f %10.1f %5.1f%%  %s%n",
                    millis(line.nanos()),
                    (double) line.calls() / steps,
                    line.nanos() * 1e-3 / line.calls(),
                    100.0 * line.nanos() / sum(),
                    line.kernel());
        }
        System.out.printf(Locale.ROOT, "%9.3f         all commands of a step%n", millis(sum()));
    }

    /** The lines for JSON. */
    List<Map<String, Object>> fields() {
        return lines.stream()
                .map(line -> {
                    Map<String, Object> fields = new LinkedHashMap<>();
                    fields.put("kernel", line.kernel());
                    fields.put("callsPerStep", (double) line.calls() / steps);
                    fields.put("deviceMillisPerStep", millis(line.nanos()));
                    fields.put("share", (double) line.nanos() / sum());
                    return fields;
                })
                .toList();
    }
}
