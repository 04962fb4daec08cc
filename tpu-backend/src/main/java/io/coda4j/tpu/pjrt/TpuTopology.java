package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * A slice of TPUs by name, such as {@code v5:4x4x4}.
 *
 * @param generation of the chips
 * @param bounds chips along each axis, three numbers
 */
record TpuTopology(Generation generation, List<Integer> bounds) {
    /** Chips whose axes close to a ring once they are this long, where slices have three axes. */
    private static final int CUBE = 4;

    /** The same, where slices have two axes. */
    private static final int RING = 16;

    private static final Pattern NAME = Pattern.compile("(\\w+):(\\d{1,4})x(\\d{1,4})(?:x(\\d{1,4}))?");

    /**
     * Generations, with what Google's documentation of Cloud TPU says of one chip.
     *
     * <p>Figures: peak of BF16 products per second, bytes of high-bandwidth memory per second, bytes per second to other
     * chips in both directions together.
     */
    enum Generation {
        V4("v4", true, 275e12, 1228e9, 300e9),
        V5P("v5", true, 459e12, 2765e9, 1200e9),
        V5E("v5e", false, 197e12, 819e9, 400e9),
        V6E("v6e", false, 918e12, 1640e9, 800e9);

        private final String word;
        private final boolean isCubic;
        private final double flops;
        private final double memoryBandwidth;
        private final double linkBandwidth;

        Generation(String word, boolean isCubic, double flops, double memoryBandwidth, double linkBandwidth) {
            this.word = word;
            this.isCubic = isCubic;
            this.flops = flops;
            this.memoryBandwidth = memoryBandwidth;
            this.linkBandwidth = linkBandwidth;
        }

        double flops() {
            return flops;
        }

        double memoryBandwidth() {
            return memoryBandwidth;
        }

        double linkBandwidth() {
            return linkBandwidth;
        }

        private static Optional<Generation> of(String word) {
            return Arrays.stream(values())
                    .filter(generation -> generation.word.equals(word.equals("v5p") ? "v5" : word))
                    .findFirst();
        }
    }

    /** A topology with immutable bounds. */
    TpuTopology {
        bounds = List.copyOf(bounds);
    }

    /**
     * The topology of a name: a generation and the chips along each axis.
     *
     * @throws DeviceException if it is none
     */
    static TpuTopology parse(String name) {
        var parts = NAME.matcher(name);
        var generation = parts.matches() ? Generation.of(parts.group(1)) : Optional.<Generation>empty();
        if (generation.isEmpty()) {
            throw new DeviceException("topology '" + name + "': expected a generation (v4, v5p or v5, v5e, v6e) and the"
                    + " chips along each axis, such as v5:4x4x4 or v5e:2x2");
        }
        var bounds = IntStream.rangeClosed(2, 4)
                .mapToObj(i -> parts.group(i) == null ? 1 : Integer.parseInt(parts.group(i)))
                .toList();
        if (bounds.contains(0)) {
            throw new DeviceException("topology '" + name + "': an axis has at least one chip");
        }
        long chips = bounds.stream().mapToLong(Integer::longValue).reduce(1, Math::multiplyExact);
        if (chips > Integer.MAX_VALUE) {
            throw new DeviceException("topology '" + name + "': has " + chips + " chips, 2^31 or more");
        }
        return new TpuTopology(generation.get(), bounds);
    }

    /** The name that plugins know. */
    String name() {
        var axes = generation.isCubic || bounds.get(2) > 1 ? bounds : bounds.subList(0, 2);
        return generation.word + ":"
                + String.join("x", axes.stream().map(String::valueOf).toList());
    }

    /**
     * Options that make one device of each chip, on hosts and rings as in the cloud, in the order in which to try them:
     * plugins differ in the names they know.
     */
    List<Map<String, PjrtAttribute>> options() {
        var common = new LinkedHashMap<String, PjrtAttribute>();
        common.put("chips_per_host_bounds", numbers(Math.min(2, bounds.get(0)), Math.min(2, bounds.get(1)), 1));
        common.put("wrap", numbers(bounds.stream().mapToInt(this::wraps).toArray()));
        if (generation != Generation.V4) {
            return List.of(common);
        }
        var asOne = new LinkedHashMap<>(common);
        asOne.put("chip_config_name", new PjrtAttribute.Text("megacore"));
        return List.of(asOne, common);
    }

    private int wraps(int bound) {
        boolean ring = generation.isCubic ? bounds.stream().allMatch(b -> b >= CUBE) : bound >= RING;
        return ring ? 1 : 0;
    }

    private static PjrtAttribute numbers(int... values) {
        return new PjrtAttribute.Wholes(
                Arrays.stream(values).asLongStream().boxed().toList());
    }
}
