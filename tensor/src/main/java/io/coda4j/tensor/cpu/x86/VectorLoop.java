package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A {@link LoopProgram} in machine code. It runs at full speed from its first call, where the Vector API waits for the second
 * compiler in code a thousand times slower, and keeps every value between its memories in registers.
 */
public final class VectorLoop {
    private final LoopCode code;
    private final MemorySegment constants;

    VectorLoop(LoopKernel kernel, LoopProgram program, LoopCode code) {
        this.code = code;
        var bits = LoopRoutine.constants(program);
        this.constants = Arena.global().allocate((bits.size() + 1L) * kernel.bytes(), kernel.bytes());
        for (int i = 0; i < bits.size() * kernel.lanes(); i++) {
            constants.setAtIndex(ValueLayout.JAVA_INT, i, bits.get(i / kernel.lanes()));
        }
    }

    /**
     * Computes {@code rows} rows of {@code vectors} vectors. Nothing is checked: whoever calls has checked that all memories hold as
     * much, and keeps a call within some ten thousand elements, because no thread reaches a safepoint while it runs.
     *
     * @param memories address of the addresses of the program's memories, in their order
     * @param gap elements from the end of a row to the next, in memories of rows
     */
    public void run(long memories, long rows, long vectors, long gap) {
        if (rows > 0) {
            code.run(memories, rows, vectors, constants.address(), gap * Short.BYTES);
        }
    }

    /**
     * As {@link #run(long, long, long, long)}, where the first or the first two memories are parts of arrays.
     *
     * @param second an array, if the program has but one any
     * @param memories address of the addresses of memories; of parts of arrays their offsets in bytes, which are overwritten
     */
    public void run(MemorySegment first, MemorySegment second, long memories, long rows, long vectors, long gap) {
        if (rows > 0) {
            code.run(first, second, memories, rows, vectors, constants.address(), gap * Short.BYTES);
        }
    }
}
