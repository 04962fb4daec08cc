package io.coda4j.tensor.spi;

import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The devices of one program as a grid with named axes. Devices are numbered along the last axis first.
 *
 * <p>How a value lies on a mesh is its <em>split</em>: for each axis of the value the mesh axis that cuts it into equal
 * parts, several joined by {@code +} with the outermost first, such as {@code data+fsdp}, or "" for none. Devices that
 * differ only along other mesh axes hold the same part.
 *
 * @param axes the number of devices along each axis, outermost first
 */
public record Mesh(SequencedMap<String, Integer> axes) {
    private static final Pattern AXIS = Pattern.compile("(\\w+)=(\\d{1,9})");
    private static final Pattern NAME = Pattern.compile("\\w+");

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
            if (!NAME.matcher(axis.getKey()).matches() || axis.getValue() < 1) {
                throw new IllegalArgumentException("mesh: axis '" + axis.getKey() + "' = " + axis.getValue()
                        + ": an axis needs a name of letters, digits or _, and at least one device");
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

    /**
     * The mesh that {@code text} names, as {@link #toString} writes it: {@code fsdp=16,tensor=4}.
     *
     * @throws IllegalArgumentException if it names none
     */
    public static Mesh parse(String text) {
        var axes = new LinkedHashMap<String, Integer>();
        for (var part : text.split(",", -1)) {
            var axis = AXIS.matcher(part.strip());
            if (!axis.matches() || axes.put(axis.group(1), Integer.parseInt(axis.group(2))) != null) {
                throw new IllegalArgumentException("'" + text
                        + "' is no mesh; expected axes with a number of devices each, such as fsdp=16,tensor=4");
            }
        }
        return new Mesh(axes);
    }

    /** The number of devices: the product of the axes. */
    public int devices() {
        return axes.values().stream().reduce(1, Math::multiplyExact);
    }

    /** The mesh axes that one element of a split names, outermost first. */
    public static List<String> named(String cut) {
        return cut.isEmpty() ? List.of() : List.of(cut.split("\\+", -1));
    }

    /** One element of a split: those of {@code wanted} that the mesh has, in their order; "" if it has none. */
    public String cut(String... wanted) {
        return Arrays.stream(wanted).filter(axes::containsKey).collect(Collectors.joining("+"));
    }

    /** The number of parts into which one element of a split cuts an axis of a value. */
    public int parts(String cut) {
        return named(cut).stream().map(axis -> axes.getOrDefault(axis, 1)).reduce(1, Math::multiplyExact);
    }

    /**
     * Which of the {@link #parts} that an element of a split makes a device has.
     *
     * @param device its number in the mesh
     */
    public int part(String cut, int device) {
        int part = 0;
        for (var axis : named(cut)) {
            part = part * parts(axis) + coordinate(axis, device);
        }
        return part;
    }

    private int coordinate(String axis, int device) {
        int inner = 1;
        for (var each : axes.reversed().entrySet()) {
            if (each.getKey().equals(axis)) {
                return device / inner % each.getValue();
            }
            inner *= each.getValue();
        }
        throw new IllegalArgumentException("mesh " + this + " has no axis '" + axis + "'");
    }

    /**
     * Why a value of {@code type} cannot be split along {@code split}, or empty if it can. Parts of unequal size are no
     * reason here, because XLA pads them; see {@link #unevenBecause}.
     *
     * @param split of the value; see {@link Mesh}
     */
    public Optional<String> impossibleBecause(TensorType type, List<String> split) {
        if (split.size() != type.rank()) {
            return Optional.of("must name a mesh axis, or \"\", for each of its " + type.rank() + " axes, but names "
                    + split.size());
        }
        var used = new HashSet<String>();
        for (var axis : split.stream().flatMap(cut -> named(cut).stream()).toList()) {
            if (!axes.containsKey(axis)) {
                return Optional.of("the mesh has no axis '" + axis + "'; it has " + String.join(", ", axes.keySet()));
            }
            if (!used.add(axis)) {
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
