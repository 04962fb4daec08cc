package io.coda4j.tensor.spi;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a device may assume about a program's arguments beyond their types.
 *
 * @param frozen indices of parameters that receive the same array on every run, so that the device may keep whatever
 *     it derives from them
 * @param placement where arguments and results lie on the device's {@linkplain Device#mesh mesh}; arguments that lie
 *     otherwise are moved. Null: arguments as they lie, and results whole on every device. Without meaning on a device
 *     that has no mesh
 */
public record Layout(Set<Integer> frozen, @Nullable Placement placement) {
    /** No assumptions. */
    public static final Layout DENSE = new Layout(Set.of());

    /** A layout with an immutable copy of the set. */
    public Layout {
        frozen = Set.copyOf(frozen);
    }

    /** Frozen parameters, and no placement. */
    public Layout(Set<Integer> frozen) {
        this(frozen, null);
    }
}
