package io.coda4j.tensor.cpu.x86;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coda4j.tensor.cpu.x86.Interpreter.Region;
import io.coda4j.tensor.cpu.x86.LoopProgram.Op;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The routine of a {@link VectorLoop} on the {@link Interpreter}, which lets it touch only its memories, row by row, and write only to
 * those to which its program stores. Arrays must be native memory.
 */
final class InterpretedLoopCode implements LoopCode {
    private final LoopKernel kernel;
    private final LoopProgram program;
    private final byte[] code;

    InterpretedLoopCode(LoopKernel kernel, LoopProgram program, byte[] code) {
        this.kernel = kernel;
        this.program = program;
        this.code = code;
    }

    @Override
    public void run(long memories, long rows, long vectors, long constants, long gap) {
        var regions = regions(
                memories,
                rows,
                vectors,
                constants,
                gap,
                new long[program.memories().size()]);
        regions.add(region("addresses", memories, program.memories().size() * 8L, false));
        new Interpreter(regions).call(code, memories, rows, vectors, constants, gap);
    }

    @Override
    public void run(
            MemorySegment first,
            MemorySegment second,
            long memories,
            long rows,
            long vectors,
            long constants,
            long gap) {
        var bases = new long[program.memories().size()];
        bases[0] = first.address();
        if (program.arrays() == 2) {
            bases[1] = second.address();
        }
        var regions = regions(memories, rows, vectors, constants, gap, bases);
        regions.add(region("offsets", memories, program.memories().size() * 8L, true));
        new Interpreter(regions).call(code, first.address(), second.address(), memories, rows, vectors, constants, gap);
    }

    private List<Region> regions(long memories, long rows, long vectors, long constants, long gap, long[] bases) {
        var regions = new ArrayList<Region>();
        var addresses = region("addresses", memories, bases.length * 8L, false).segment();
        for (int m = 0; m < bases.length; m++) {
            long at = bases[m] + addresses.getAtIndex(JAVA_LONG, m);
            boolean isWritten = isWritten(m);
            var access = program.memories().get(m);
            long rowBytes = vectors * kernel.lanes() * access.elementBytes();
            long gapBytes = gap / Short.BYTES * access.elementBytes();
            switch (access) {
                case ROWS, BF16_ROWS -> {
                    for (long row = 0; row < rows; row++) {
                        String name = "row " + row + " of memory " + m;
                        regions.add(region(name, at + row * (rowBytes + gapBytes), rowBytes, isWritten));
                    }
                }
                case ROW, BF16_ROW -> regions.add(region("the row of memory " + m, at, rowBytes, isWritten));
                case COLUMN -> regions.add(region("the column of memory " + m, at, rows * Float.BYTES, isWritten));
                case ONE -> regions.add(region("the float of memory " + m, at, Float.BYTES, isWritten));
            }
        }
        long bytes = LoopRoutine.constants(program).size() * (long) kernel.bytes();
        regions.add(region("constants", constants, bytes, false));
        return regions;
    }

    private boolean isWritten(int memory) {
        return program.steps().stream()
                .anyMatch(step -> (step.op() == Op.STORE || step.op().isReduction()) && step.number() == memory);
    }

    @SuppressWarnings("restricted")
    private static Region region(String name, long address, long bytes, boolean writable) {
        return new Region(name, MemorySegment.ofAddress(address).reinterpret(bytes), writable);
    }
}
