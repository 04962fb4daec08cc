package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.PANEL_BYTES;

import io.coda4j.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * A frozen weight in the panels that {@link PackedMatmul} reads, of the type in which it is stored: panel p holds columns
 * {@code p * NR} and following over the whole depth. BF16 lies in pairs, see {@link MicroKernel#narrowRows}. F16, which in
 * BF16 would lose bits and in F32 take twice the memory of the checkpoint, lies as F32 does, and is widened a step of the
 * depth at a time into memory that stays in the first-level cache.
 *
 * @param buffer the memory of the panels
 * @param stored the type of the elements
 * @param depth elements of a sum
 */
record PackedWeights(CpuBuffer buffer, DType stored, int depth) implements AutoCloseable {
    /** Bytes of the panels of {@code weight}, whose outer axis becomes columns. */
    static long bytes(MatmulOperand weight) {
        long panels = MatmulBlocks.count(weight.outer(), NR);
        return panels * weight.depth() * stepBytes(weight.type().dtype());
    }

    /** Packs {@code weight}, one matrix whose columns each have contiguous depth, into {@code buffer}. */
    static PackedWeights of(
            MatmulOperand weight, MemorySegment from, CpuBuffer buffer, Parallel parallel, MatmulScratch scratch) {
        var packed = new PackedWeights(buffer, weight.type().dtype(), weight.depth());
        parallel.forEach(MatmulBlocks.count(weight.outer(), NR), panel -> {
            var workspace = scratch.workspaces().borrow();
            packed.pack(weight, from, panel, workspace);
            scratch.workspaces().giveBack(workspace);
        });
        return packed;
    }

    private void pack(MatmulOperand weight, MemorySegment from, int panel, MatmulWorkspace workspace) {
        int columns = Math.min(NR, weight.outer() - panel * NR);
        for (int k = 0; k < depth; k += KC) {
            int step = Math.min(KC, depth - k);
            long source = weight.byteOffset(0, panel * NR, k);
            if (isHalf()) {
                packHalves(weight, from, source, columns, step, at(panel, k));
            } else if (narrow()) {
                MatmulPack.pairedPanel(
                        from,
                        source,
                        weight.outerBytes(),
                        columns,
                        step,
                        buffer.segment(),
                        at(panel, k),
                        workspace.turn,
                        workspace.block);
            } else {
                MatmulPack.turnedPanel(
                        false,
                        from,
                        source,
                        weight.outerBytes(),
                        columns,
                        step,
                        buffer.segment(),
                        at(panel, k),
                        workspace.turn,
                        workspace.block);
            }
        }
    }

    /** Columns from {@code columns} to NR become zero. */
    private void packHalves(MatmulOperand weight, MemorySegment from, long source, int columns, int steps, long at) {
        var to = buffer.segment();
        for (int k = 0; k < steps; k++) {
            for (int c = 0; c < NR; c++) {
                long element = source + c * weight.outerBytes() + k * 2L;
                short bits = c < columns ? from.get(ValueLayout.JAVA_SHORT, element) : 0;
                to.set(ValueLayout.JAVA_SHORT, at + ((long) k * NR + c) * 2, bits);
            }
        }
    }

    /** Whether elements are BF16. */
    boolean narrow() {
        return stored == DType.BF16;
    }

    /** Whether elements are F16. */
    boolean isHalf() {
        return stored == DType.F16;
    }

    /** Widens the {@code steps} steps that begin at byte {@code panel} of F16 panels. */
    void widen(long panel, int steps, MemorySegment to) {
        Objects.checkFromIndexSize(panel, (long) steps * stepBytes(stored), buffer.byteSize());
        Objects.checkFromIndexSize(0, (long) steps * PANEL_BYTES, to.byteSize());
        HalfLanes.widen(buffer.segment().address() + panel, to.address(), steps * NR);
    }

    private static int stepBytes(DType stored) {
        return PANEL_BYTES / Float.BYTES * stored.bytes();
    }

    /** The byte at which step {@code k} of a panel begins. */
    long at(int panel, int k) {
        return ((long) panel * depth + k) * stepBytes(stored);
    }

    MemorySegment segment() {
        return buffer.segment();
    }

    @Override
    public void close() {
        buffer.close();
    }
}
