package io.coda4j.tpu;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.SequencedMap;

/**
 * The devices of one program as a grid with named axes.
 *
 * @param axes the number of devices along each axis, outermost first
 */
public record Mesh(SequencedMap<String, Integer> axes) {
    /**
     * A mesh with an immutable copy of the axes.
     *
     * @throws IllegalArgumentException if there is no axis, one has no name, or one has no device
     */
    public Mesh {
        axes = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(axes));
        if (axes.isEmpty()) {
            throw new IllegalArgumentException("mesh: needs at least one axis, such as fsdp=4");
        }
        axes.forEach((name, size) -> {
            if (name.isEmpty() || size < 1) {
                throw new IllegalArgumentException(
                        "mesh: axis '" + name + "' = " + size + ": an axis needs a name and at least one device");
            }
        });
    }

    /** A mesh of one axis. */
    public static Mesh of(String axis, int devices) {
        var axes = new LinkedHashMap<String, Integer>();
        axes.put(axis, devices);
        return new Mesh(axes);
    }

    /** The number of devices: the product of the axes. */
    public int devices() {
        return axes.values().stream().reduce(1, Math::multiplyExact);
    }
}
