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
    private static final System.Logger LOG = System.getLogger(VectorLoops.class.getName());

    private final Map<LoopProgram, Optional<VectorLoop>> made = new ConcurrentHashMap<>();

    private final LoopKernel kernel;

    VectorLoops(LoopKernel kernel) {
        this.kernel = kernel;
    }

    LoopKernel kernel() {
        return kernel;
    }

    /** The machine code, or empty where the program needs more registers than there are, or the system refuses. */
    public Optional<VectorLoop> of(LoopProgram program) {
        return made.computeIfAbsent(program, this::make);
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

    private Optional<VectorLoop> make(LoopProgram program) {
        return kernel.code(program).flatMap(code -> {
            try {
                long address = ExecutableMemory.of(List.of(code))[0];
                return Optional.of(new VectorLoop(kernel, program, new NativeLoopCode(address)));
            } catch (SystemRefusal e) {
                LOG.log(System.Logger.Level.WARNING, "a loop uses the Vector API: {0}", e.reason());
                return Optional.empty();
            }
        });
    }
}
