package io.coda4j.tensor.cpu.x86;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

/** Machine code of loops on the interpreter, on any machine: it gives the bits of its meaning and touches nothing but its memories. */
class VectorLoopProperties {
    @Property(tries = 500)
    void codeOfProgramsComposedAtRandom(
            @ForAll LoopKernel kernel, @ForAll @LongRange(min = 0, max = 1L << 40) long seed) {
        new LoopCase(kernel, seed).check((program, code) -> new InterpretedLoopCode(kernel, program, code));
    }
}
