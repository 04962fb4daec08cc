package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.DeviceException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Makes {@link VectorLoop}s, one for each program however often it is asked for. They stay until the process ends, a page each: what
 * differs from use to use is an operand of a program, not a constant.
 */
public final class VectorLoops {
    static final String NAME = "loops_avx2";

    private static final System.Logger LOG = System.getLogger(VectorLoops.class.getName());

    private final Map<LoopProgram, Optional<VectorLoop>> made = new ConcurrentHashMap<>();

    VectorLoops() {}

    /** Why {@code features} do not allow loops, or empty if they do. */
    static Optional<String> unusableBecause(CpuFeatures features) {
        return features.unusableBecause(List.of(CpuFeature.AVX2, CpuFeature.FMA));
    }

    /** The machine code, or empty where the program needs more registers than there are, or the system refuses. */
    public Optional<VectorLoop> of(LoopProgram program) {
        return made.computeIfAbsent(program, VectorLoops::make);
    }

    /**
     * As {@link #of}, of a program that is known to fit.
     *
     * @throws DeviceException if there is no machine code for it
     */
    public VectorLoop required(LoopProgram program) {
        return of(program)
                .orElseThrow(() ->
                        new DeviceException("no memory for machine code could be had for a loop, the log says why;"
                                + " use -Dcoda.kernels=vector"));
    }

    private static Optional<VectorLoop> make(LoopProgram program) {
        return LoopRoutine.code(program).flatMap(code -> {
            try {
                long address = ExecutableMemory.of(List.of(code))[0];
                return Optional.of(new VectorLoop(program, new NativeLoopCode(address)));
            } catch (SystemRefusal e) {
                LOG.log(System.Logger.Level.WARNING, "a loop uses the Vector API: {0}", e.reason());
                return Optional.empty();
            }
        });
    }
}
