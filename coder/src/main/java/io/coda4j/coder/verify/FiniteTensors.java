package io.coda4j.coder.verify;

import io.coda4j.nn.safetensors.Safetensors;
import java.util.ArrayList;
import java.util.List;

/**
 * Whether all numbers of a safetensors file are finite.
 *
 * @param numbers all of them, by kind
 * @param broken names of the tensors that hold others than finite ones, in the file's order
 */
public record FiniteTensors(FiniteCount numbers, List<String> broken) {
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
        return new FiniteTensors(total, List.copyOf(broken));
    }

    /** Whether all numbers are finite. */
    public boolean isFinite() {
        return numbers.isFinite();
    }

    @Override
    public String toString() {
        return isFinite()
                ? numbers.toString()
                : numbers + ", in " + broken.size() + " tensors such as \"" + broken.getFirst() + "\"";
    }
}
