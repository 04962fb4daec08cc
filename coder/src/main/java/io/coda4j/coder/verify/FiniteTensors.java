package io.coda4j.coder.verify;

import io.coda4j.nn.safetensors.Safetensors;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Whether all numbers of a safetensors file are finite.
 *
 * @param values its numbers
 * @param nan numbers that are none
 * @param infinite numbers beyond the range of their type
 * @param broken names of the tensors that hold such numbers, in the file's order
 */
public record FiniteTensors(long values, long nan, long infinite, List<String> broken) {
    /** Reads all tensors of {@code file}. */
    public static FiniteTensors of(Safetensors file) {
        var total = new FiniteCount(0, 0, 0);
        var broken = new ArrayList<String>();
        for (var entry : file.entries().values()) {
            var count = FiniteCount.of(file, entry);
            total = total.plus(count);
            if (!count.isFinite()) {
                broken.add(entry.name());
            }
        }
        return new FiniteTensors(total.values(), total.nan(), total.infinite(), List.copyOf(broken));
    }

    /** Whether there is nothing else. */
    public boolean isFinite() {
        return broken.isEmpty();
    }

    @Override
    public String toString() {
        return isFinite()
                ? String.format(Locale.ROOT, "%,d numbers", values)
                : String.format(
                        Locale.ROOT,
                        "%,d NaN and %,d infinite of %,d numbers, in %d tensors such as \"%s\"",
                        nan,
                        infinite,
                        values,
                        broken.size(),
                        broken.getFirst());
    }
}
