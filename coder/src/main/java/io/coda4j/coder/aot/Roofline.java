package io.coda4j.coder.aot;

import io.coda4j.tensor.spi.Collective;
import io.coda4j.tensor.spi.Compilation;
import io.coda4j.tensor.spi.Topology;
import java.util.OptionalDouble;

/**
 * The least time that a step can take on its devices (Williams, Waterman and Patterson 2009): each of its parts runs at
 * the speed that the hardware is sold with, and all at the same time.
 *
 * @param compute seconds for the matrix products
 * @param memory seconds for the bytes that the compiler counts, if it does
 * @param links seconds for what devices exchange
 */
public record Roofline(double compute, OptionalDouble memory, double links) {
    /**
     * The roofline of a compiled program.
     *
     * @param flops of all devices together
     */
    public static Roofline of(Topology topology, Compilation.Compiled compiled, double flops) {
        double exchanged =
                compiled.collectives().stream().mapToLong(Collective::bytes).sum();
        var accessed = compiled.bytesAccessed();
        return new Roofline(
                flops / topology.devices() / topology.flops(),
                accessed.isPresent()
                        ? OptionalDouble.of(accessed.getAsDouble() / topology.memoryBandwidth())
                        : OptionalDouble.empty(),
                exchanged / topology.linkBandwidth());
    }

    /** Seconds of a step: those of its slowest part. */
    public double seconds() {
        return Math.max(compute, Math.max(memory.orElse(0), links));
    }

    /** What limits the step. */
    public String limit() {
        if (seconds() == compute) {
            return "compute";
        }
        return seconds() == links ? "links" : "memory";
    }
}
