package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.testing.Requirement;
import java.util.Arrays;
import java.util.List;

/** Loops of every width, whatever the processor: they can be made everywhere, and run where it has the instructions. */
public final class EveryWidth {
    private EveryWidth() {}

    public static List<VectorLoops> loops() {
        Requirement.require("f32-code", LinuxCalls.unusableBecause());
        return Arrays.stream(LoopKernel.values()).map(VectorLoops::new).toList();
    }
}
