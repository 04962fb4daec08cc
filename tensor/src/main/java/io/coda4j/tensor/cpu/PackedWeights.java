package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.PANEL_BYTES;

import java.lang.foreign.MemorySegment;

/**
 * A frozen weight in the panels that {@link PackedMatmul} reads, F32 or BF16 as it is stored: panel p holds columns
 * {@code p * NR} and following over the whole depth.
 *
 * @param buffer the memory of the panels
 * @param narrow whether they hold pairs of BF16 elements, see {@link MicroKernel#narrowRows}
 * @param depth elements of a sum
 */
record PackedWeights(CpuBuffer buffer, boolean narrow, int depth) implements AutoCloseable {
    /** Bytes of the panels of {@code weight}, whose outer axis becomes columns. */
    static long bytes(MatmulOperand weight) {
        long panels = MatmulBlocks.count(weight.outer(), NR);
        return panels * weight.depth() * stepBytes(weight.narrow());
    }

    /** Packs {@code weight}, one matrix whose columns each have contiguous depth, into {@code buffer}. */
    static PackedWeights of(
            MatmulOperand weight, MemorySegment from, CpuBuffer buffer, Parallel parallel, MatmulScratch scratch) {
        var packed = new PackedWeights(buffer, weight.narrow(), weight.depth());
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
            if (narrow) {
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

    private static int stepBytes(boolean narrow) {
        return narrow ? PANEL_BYTES / 2 : PANEL_BYTES;
    }

    /** The byte at which step {@code k} of a panel begins. */
    long at(int panel, int k) {
        return ((long) panel * depth + k) * stepBytes(narrow);
    }

    MemorySegment segment() {
        return buffer.segment();
    }

    @Override
    public void close() {
        buffer.close();
    }
}
