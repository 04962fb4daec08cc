package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.KC;
import static io.coda4j.tensor.cpu.MicroKernel.NR;
import static io.coda4j.tensor.cpu.MicroKernel.PANEL_BYTES;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.cpu.x86.PanelProduct;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/**
 * A frozen weight in the panels that {@link PackedMatmul}, {@link PanelMatmul} or {@link QuantizedMatmul} reads, in a type that
 * holds what is stored: panel p holds columns {@code p * NR} and following over the whole depth.
 *
 * @param buffer the memory of the panels
 * @param layout what they hold
 * @param depth elements of a sum
 */
record PackedWeights(CpuBuffer buffer, Layout layout, int depth) implements AutoCloseable {
    /** The order and the type of the elements of a panel. */
    enum Layout {
        /** F32, see {@link MicroKernel#rows}. */
        WIDE,
        /** Pairs of BF16 elements, see {@link MicroKernel#narrowRows}. */
        NARROW,
        /**
         * F16, which in BF16 would lose bits and in F32 take twice the memory of the checkpoint: it lies as F32 does, and is
         * widened a step of the depth at a time into memory that stays in the first-level cache.
         */
        HALF,
        /** BF16 elements for machine code, see {@link PanelPack}. */
        MACHINE,
        /** I8 elements for machine code, two depths or four side by side, see {@link BytePanels}. */
        BYTE_PAIRS,
        BYTE_QUADS;

        /** The layout of I8 elements for {@code product}. */
        static Layout bytes(PanelProduct product) {
            return product.group() == 2 ? BYTE_PAIRS : BYTE_QUADS;
        }

        /** The layout of {@code weight} for the Vector API. */
        static Layout vector(MatmulOperand weight) {
            return switch (weight.type().dtype()) {
                case BF16 -> NARROW;
                case F16 -> HALF;
                case F32 -> WIDE;
                case BOOL, I8, I32, F64 -> throw new IllegalArgumentException("no panels hold " + weight.type());
            };
        }

        /** Columns of a panel. */
        private int columns() {
            return switch (this) {
                case WIDE, NARROW, HALF -> NR;
                case MACHINE, BYTE_PAIRS, BYTE_QUADS -> PanelProduct.COLUMNS;
            };
        }

        /** Bytes of a panel over {@code depth}. */
        long panelBytes(int depth) {
            return switch (this) {
                case WIDE -> (long) depth * PANEL_BYTES;
                case NARROW, HALF -> (long) depth * PANEL_BYTES / 2;
                case MACHINE -> PanelPack.panelBytes(depth);
                case BYTE_PAIRS -> BytePanels.panelBytes(2, depth);
                case BYTE_QUADS -> BytePanels.panelBytes(4, depth);
            };
        }

        /** Bytes of the panels of {@code weight}, whose outer axis becomes columns. */
        long bytes(MatmulOperand weight) {
            return MatmulBlocks.count(weight.outer(), columns()) * panelBytes(weight.depth());
        }
    }

    /** Packs {@code weight}, one matrix whose columns each have contiguous depth, into {@code buffer}. */
    static PackedWeights of(
            MatmulOperand weight,
            Layout layout,
            MemorySegment from,
            CpuBuffer buffer,
            Parallel parallel,
            MatmulContext context) {
        var packed = new PackedWeights(buffer, layout, weight.depth());
        parallel.forEach(MatmulBlocks.count(weight.outer(), layout.columns()), panel -> {
            var workspace = context.workspaces().borrow();
            packed.pack(weight, from, panel, workspace);
            context.workspaces().giveBack(workspace);
        });
        return packed;
    }

    private void pack(MatmulOperand weight, MemorySegment from, int panel, MatmulWorkspace workspace) {
        int first = panel * layout.columns();
        switch (layout) {
            case MACHINE -> PanelPack.panel(weight, from, 0, first, buffer.segment(), at(panel), workspace.block);
            case BYTE_PAIRS -> BytePanels.pack(2, weight, from, first, buffer.segment(), at(panel));
            case BYTE_QUADS -> BytePanels.pack(4, weight, from, first, buffer.segment(), at(panel));
            case WIDE, NARROW, HALF -> packForVectors(weight, from, panel, workspace);
        }
    }

    private void packForVectors(MatmulOperand weight, MemorySegment from, int panel, MatmulWorkspace workspace) {
        var to = buffer.segment();
        int columns = Math.min(NR, weight.outer() - panel * NR);
        long stride = weight.outerBytes();
        for (int k = 0; k < depth; k += KC) {
            int step = Math.min(KC, depth - k);
            long source = weight.byteOffset(0, panel * NR, k);
            long at = at(panel, k);
            if (layout == Layout.HALF) {
                packHalves(weight, from, source, columns, step, at);
            } else if (weight.type().dtype() == DType.I8) {
                // Whole numbers up to 128 are BF16 numbers.
                var wide = workspace.sums.segment();
                widenBytes(from, source, stride, columns, step, wide);
                packStep(Layout.NARROW, wide, 0, step * 2L, columns, step, to, at, workspace);
            } else {
                packStep(layout, from, source, stride, columns, step, to, at, workspace);
            }
        }
    }

    /** Packs {@code steps} steps of the columns of one panel, BF16 as {@link Layout#NARROW} or F32 as {@link Layout#WIDE}. */
    static void packStep(
            Layout layout,
            MemorySegment from,
            long source,
            long stride,
            int columns,
            int steps,
            MemorySegment to,
            long at,
            MatmulWorkspace workspace) {
        if (layout == Layout.NARROW) {
            MatmulPack.pairedPanel(from, source, stride, columns, steps, to, at, workspace.turn, workspace.block);
        } else {
            MatmulPack.turnedPanel(
                    false, from, source, stride, columns, steps, to, at, workspace.turn, workspace.block);
        }
    }

    /** I8 columns at {@code stride} to BF16 columns one after the other. */
    private static void widenBytes(
            MemorySegment from, long source, long stride, int columns, int steps, MemorySegment to) {
        for (int c = 0; c < columns; c++) {
            for (int k = 0; k < steps; k++) {
                short element = Bf16.fromFloat(from.get(ValueLayout.JAVA_BYTE, source + c * stride + k));
                to.set(ValueLayout.JAVA_SHORT, 2L * (c * steps + k), element);
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

    /** Whether the panels are {@link Layout#NARROW}. */
    boolean narrow() {
        return layout == Layout.NARROW;
    }

    /** Whether the panels are {@link Layout#HALF}. */
    boolean isHalf() {
        return layout == Layout.HALF;
    }

    /** Widens the {@code steps} steps that begin at byte {@code panel} of F16 panels. */
    void widen(long panel, int steps, MemorySegment to) {
        Objects.checkFromIndexSize(panel, layout.panelBytes(steps), buffer.byteSize());
        Objects.checkFromIndexSize(0, (long) steps * PANEL_BYTES, to.byteSize());
        HalfLanes.widen(buffer.segment().address() + panel, to.address(), steps * NR);
    }

    /** The byte at which a panel begins. */
    long at(int panel) {
        return panel * layout.panelBytes(depth);
    }

    /** The byte at which step {@code k} of a panel for the Vector API begins. */
    long at(int panel, int k) {
        return panel * layout.panelBytes(depth) + layout.panelBytes(k);
    }

    MemorySegment segment() {
        return buffer.segment();
    }

    @Override
    public void close() {
        buffer.close();
    }
}
