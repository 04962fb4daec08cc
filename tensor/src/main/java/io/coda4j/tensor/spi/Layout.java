package io.coda4j.tensor.spi;

import java.util.Set;

/**
 * What a device may assume about a program's arguments beyond their types.
 *
 * @param frozen indices of parameters that receive the same array on every run, so that the device may keep whatever
 *     it derives from them
 */
public record Layout(Set<Integer> frozen) {
    /** No assumptions. */
    public static final Layout DENSE = new Layout(Set.of());

    /** A layout with an immutable copy of the set. */
    public Layout {
        frozen = Set.copyOf(frozen);
    }
}
