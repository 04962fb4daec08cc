package io.coda4j.diffusion;

import io.coda4j.diffusion.random.Purpose;
import java.util.Iterator;
import java.util.List;

/** Draws replayed from a recording, in the order in which they were made; sizes and ranges are checked. */
public final class RecordedDraws implements NoiseDraws {

    /** One recorded draw. */
    public sealed interface Draw {}

    /** Uniform numbers, flat. */
    public record Uniforms(float[] values) implements Draw {}

    /** Integers, one per row. */
    public record Integers(int[] values) implements Draw {}

    private final Iterator<Draw> draws;
    private final int count;
    private int made;

    public RecordedDraws(List<Draw> draws) {
        this.draws = List.copyOf(draws).iterator();
        this.count = draws.size();
    }

    @Override
    public float[] uniform(Purpose purpose, int rows, int columns) {
        var draw = next(purpose);
        if (!(draw instanceof Uniforms(var values))) {
            throw new IllegalStateException(where(purpose) + ": expected uniform numbers, the recording has integers");
        }
        requireLength(purpose, (long) rows * columns, values.length);
        return values;
    }

    @Override
    public int[] integers(Purpose purpose, int rows, int low, int highExclusive) {
        var draw = next(purpose);
        if (!(draw instanceof Integers(var values))) {
            throw new IllegalStateException(where(purpose) + ": expected integers, the recording has uniform numbers");
        }
        requireLength(purpose, rows, values.length);
        for (int value : values) {
            if (value < low || value >= highExclusive) {
                throw new IllegalStateException(
                        where(purpose) + ": " + value + " is outside [" + low + ", " + highExclusive + ")");
            }
        }
        return values;
    }

    /** Whether every recorded draw was made. */
    public boolean isExhausted() {
        return made == count;
    }

    private Draw next(Purpose purpose) {
        if (!draws.hasNext()) {
            throw new IllegalStateException(
                    "the recording ends after " + count + " draws, one more is needed for " + purpose);
        }
        made++;
        return draws.next();
    }

    private void requireLength(Purpose purpose, long expected, int got) {
        if (got != expected) {
            throw new IllegalStateException(where(purpose) + ": expected " + expected + " numbers, got " + got);
        }
    }

    private String where(Purpose purpose) {
        return "recorded draw " + (made - 1) + " (" + purpose + ")";
    }
}
