package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.PANEL_BYTES;

import io.coda4j.tensor.cpu.x86.PanelProduct;
import java.lang.foreign.MemorySegment;

/**
 * A frozen weight in the panels that {@link PackedMatmul} or {@link PanelMatmul} reads, F32 or BF16 as it is stored: panel p
 * holds columns {@code p * NR} and following over the whole depth.
 *
 * @param buffer the memory of the panels
 * @param layout what they hold
 * @param depth elements of a sum
 */
record PackedWeights(CpuBuffer buffer, Layout layout, int depth) implements AutoCloseable {
    /** The order of the elements of a panel. */
    enum Layout {
        /** F32, see {@link MicroKernel#rows}. */
        WIDE,
        /** Pairs of BF16 elements, see {@link MicroKernel#narrowRows}. */
        NARROW,
        /** BF16 elements for machine code, see {@link PanelPack}. */
        MACHINE;

        /** The layout of {@code weight} for the Vector API. */
        static Layout vector(MatmulOperand weight) {
            return weight.narrow() ? NARROW : WIDE;
        }

        /** Columns of a panel. */
        private int columns() {
            return this == MACHINE ? PanelProduct.COLUMNS : NR;
        }

        /** Bytes of the panels of {@code weight}, whose outer axis becomes columns. */
        long bytes(MatmulOperand weight) {
            long panels = MatmulBlocks.count(weight.outer(), columns());
            return panels
                    * switch (this) {
                        case WIDE -> (long) weight.depth() * PANEL_BYTES;
                        case NARROW -> (long) weight.depth() * PANEL_BYTES / 2;
                        case MACHINE -> PanelPack.panelBytes(weight.depth());
                    };
        }
    }

    /** Packs {@code weight}, one matrix whose columns each have contiguous depth, into {@code buffer}. */
    static PackedWeights of(
            MatmulOperand weight,
            Layout layout,
            MemorySegment from,
            CpuBuffer buffer,
            Parallel parallel,
            MatmulScratch scratch) {
        var packed = new PackedWeights(buffer, layout, weight.depth());
        parallel.forEach(MatmulBlocks.count(weight.outer(), layout.columns()), panel -> {
            var workspace = scratch.workspaces().borrow();
            packed.pack(weight, from, panel, workspace);
            scratch.workspaces().giveBack(workspace);
        });
        return packed;
    }

    private void pack(MatmulOperand weight, MemorySegment from, int panel, MatmulWorkspace workspace) {
        if (layout == Layout.MACHINE) {
            long at = panel * PanelPack.panelBytes(depth);
            PanelPack.panel(weight, from, 0, panel * PanelProduct.COLUMNS, buffer.segment(), at, workspace.block);
            return;
        }
        int columns = Math.min(NR, weight.outer() - panel * NR);
        for (int k = 0; k < depth; k += KC) {
            int step = Math.min(KC, depth - k);
            long source = weight.byteOffset(0, panel * NR, k);
            if (narrow()) {
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

    /** Whether the panels are {@link Layout#NARROW}. */
    boolean narrow() {
        return layout == Layout.NARROW;
    }

    /** The byte at which step {@code k} of a panel for the Vector API begins. */
    long at(int panel, int k) {
        return ((long) panel * depth + k) * (narrow() ? PANEL_BYTES / 2 : PANEL_BYTES);
    }

    MemorySegment segment() {
        return buffer.segment();
    }

    @Override
    public void close() {
        buffer.close();
    }
}
