package io.coda4j.tensor.spi;

import io.coda4j.tensor.TensorType;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
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
        long devices = 1;
        for (var axis : axes.entrySet()) {
            if (axis.getKey().isEmpty() || axis.getValue() < 1) {
                throw new IllegalArgumentException("mesh: axis '" + axis.getKey() + "' = " + axis.getValue()
                        + ": an axis needs a name and at least one device");
            }
            devices *= axis.getValue();
            if (devices > Integer.MAX_VALUE) {
                throw new IllegalArgumentException("mesh: " + axes + " has 2^31 devices or more");
            }
        }
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

    /** The number of parts into which {@code axis} cuts an axis of a value; the name "" stands for no cut. */
    public int parts(String axis) {
        return axis.isEmpty() ? 1 : axes.getOrDefault(axis, 1);
    }

    /**
     * Why a value of {@code type} cannot be split along {@code split}, or empty if it can. Parts of unequal size are no
     * reason here, because XLA pads them; see {@link #unevenBecause}.
     *
     * @param split for each axis of the value the mesh axis that splits it, or ""
     */
    public Optional<String> impossibleBecause(TensorType type, List<String> split) {
        if (split.size() != type.rank()) {
            return Optional.of("must name a mesh axis, or \"\", for each of its " + type.rank() + " axes, but names "
                    + split.size());
        }
        var used = new HashSet<String>();
        for (var axis : split) {
            if (!axis.isEmpty() && !axes.containsKey(axis)) {
                return Optional.of("the mesh has no axis '" + axis + "'; it has " + String.join(", ", axes.keySet()));
            }
            if (!axis.isEmpty() && !used.add(axis)) {
                return Optional.of("mesh axis '" + axis + "' can split only one axis of a value");
            }
        }
        return Optional.empty();
    }

    /**
     * Why the parts of a value of {@code type} split along {@code split} would not be of one size, with what to do about
     * it; empty if they are.
     */
    public Optional<String> unevenBecause(TensorType type, List<String> split) {
        for (int i = 0; i < split.size(); i++) {
            int parts = parts(split.get(i));
            if (type.dim(i) % parts != 0) {
                return Optional.of(uneven(type, i, split.get(i), parts));
            }
        }
        return Optional.empty();
    }

    private static String uneven(TensorType type, int axis, String name, int parts) {
        int size = type.dim(axis);
        var message = new StringBuilder("axis " + axis + " has " + size + " = " + factors(size)
                + " elements, which mesh axis " + name + "=" + parts + " does not divide; ");
        for (int other = 0; other < type.rank(); other++) {
            if (other != axis && type.dim(other) % parts == 0) {
                message.append("split axis ")
                        .append(other)
                        .append(" (")
                        .append(type.dim(other))
                        .append(") instead, ");
                break;
            }
        }
        return message.append("pad axis ")
                .append(axis)
                .append(" to ")
                .append(Math.ceilDiv((long) size, parts) * parts)
                .append(", or take a mesh axis that divides it, such as ")
                .append(commonDivisor(size, parts))
                .toString();
    }

    private static int commonDivisor(int a, int b) {
        return b == 0 ? a : commonDivisor(b, a % b);
    }

    /** {@code 151936} as {@code 2^7 x 1187}. */
    private static String factors(int number) {
        var text = new StringBuilder();
        int rest = number;
        for (int prime = 2; rest > 1; prime++) {
            if ((long) prime * prime > rest) {
                prime = rest;
            }
            int power = 0;
            for (; rest % prime == 0; rest /= prime) {
                power++;
            }
            if (power > 0) {
                text.append(text.isEmpty() ? "" : " x ").append(prime).append(power > 1 ? "^" + power : "");
            }
        }
        return text.isEmpty() ? Integer.toString(number) : text.toString();
    }

    /** The mesh as it is written on a command line, such as {@code fsdp=4,tensor=2}. */
    @Override
    public String toString() {
        var text = new StringBuilder();
        axes.forEach((name, size) ->
                text.append(text.isEmpty() ? "" : ",").append(name).append('=').append(size));
        return text.toString();
    }
}
