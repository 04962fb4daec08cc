package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Rows times one panel of {@value #COLUMNS} columns by machine code: c[rows,32] = a[rows,depth] · panel[depth,32].
 *
 * <p>The depth is counted in steps of {@value #STEP_BYTES} bytes of a row, which are 32 elements of 16 bits or 64 of 8;
 * what is short of a whole step is zeros. A panel holds, for each group of elements that fill 32 bits of a row, the groups of
 * its 32 columns side by side: [depth / 2][32][2] for rows of 16 bits, [depth / 4][32][4] for rows of 8. Sums are F32 for BF16,
 * or I32 for INT8.
 *
 * <p>Each sum is formed in an order that depends on the depth alone, also where the depth is cut into products that are added
 * one after the other.
 */
public final class PanelProduct {
    /** Columns of a panel. */
    public static final int COLUMNS = 32;

    /** Bytes of a row that one step takes. */
    public static final int STEP_BYTES = 64;

    /** Bytes of a panel of BF16 that one step takes. */
    public static final int PANEL_STEP_BYTES = STEP_BYTES * COLUMNS;

    /** The most steps of one product: a panel of 128 KB at most. */
    public static final int MAX_STEPS = 64;

    private static final int COLUMN_BYTES = COLUMNS * Integer.BYTES;

    /**
     * Multiplications of 32-bit groups in one call, so that it ends within 100 microseconds: no thread reaches a safepoint
     * while it runs. AVX-512 or AVX2 on a core of 3 GHz need 40 for as many.
     */
    private static final int CALL_WORK = 1 << 21;

    /** Makes an unsigned byte of a signed one. */
    private static final int UNSIGNED = 128;

    /** Such multiplications for one row in one step. */
    private static final int STEP_WORK = STEP_BYTES / Integer.BYTES * COLUMNS;

    private final PanelKernel kernel;
    private final PanelCode code;
    private final MemorySegment configurations = Arena.global().allocate((AmxKernel.ROWS + 1L) * 64, 64);

    PanelProduct(PanelKernel kernel, PanelCode code) {
        this.kernel = kernel;
        this.code = code;
        for (int rows = 1; rows <= AmxKernel.ROWS; rows++) {
            AmxKernel.configure(configurations.asSlice(configuration(rows), AmxKernel.CONFIGURATION_BYTES), rows);
        }
    }

    private static long configuration(int rows) {
        return (long) rows * AmxKernel.CONFIGURATION_BYTES;
    }

    /** The name of the kernel, for people. */
    public String name() {
        return kernel.toString();
    }

    @Override
    public String toString() {
        return name();
    }

    /** Rows that are computed at once: numbers of rows should be multiples of it. */
    public int blockRows() {
        return kernel.rows();
    }

    /** Elements of a row that fill 32 bits, which lie side by side in a panel: 2 or 4. */
    public int group() {
        return kernel.elements().group();
    }

    /** Bytes of a panel that one step takes. */
    public int panelStepBytes() {
        return kernel.panelStepBytes();
    }

    /** What is added to each INT8 element of a row, so that sums hold it times the sum of their column too: 128 or 0. */
    public int rowOffset() {
        return kernel.elements() == PanelKernel.Elements.U8_I8 ? UNSIGNED : 0;
    }

    PanelKernel kernel() {
        return kernel;
    }

    /**
     * Computes {@code rows x 32} sums.
     *
     * @param a native memory in which the first row begins at byte {@code aAt} and the next {@code aStride} bytes further
     * @param panel native memory in which the panel begins at byte {@code panelAt}
     * @param c native memory for rows of 32 sums, as for {@code a}
     * @param steps at most {@value #MAX_STEPS}
     * @param add whether to add to what {@code c} holds, instead of overwriting it
     * @throws IndexOutOfBoundsException if anything would be read or written outside of the segments
     */
    public void multiply(
            MemorySegment a,
            long aAt,
            long aStride,
            MemorySegment panel,
            long panelAt,
            MemorySegment c,
            long cAt,
            long cStride,
            int rows,
            int steps,
            boolean add) {
        if (steps < 1 || steps > MAX_STEPS) {
            throw new IllegalArgumentException("1 to " + MAX_STEPS + " steps of the depth expected, got " + steps);
        }
        long from = address(a, aAt, aStride, rows, (long) steps * STEP_BYTES);
        long with = address(panel, panelAt, 0, 1, (long) steps * kernel.panelStepBytes());
        NativeRoutines.requireWritable(c);
        long to = address(c, cAt, cStride, rows, COLUMN_BYTES);
        int height = kernel.rows();
        int together = Math.max(1, CALL_WORK / (height * steps * STEP_WORK));
        int row = 0;
        while (row < rows) {
            int tall = Math.min(height, rows - row);
            int blocks = Math.clamp((rows - row) / height, 1, together);
            code.run(
                    tall,
                    from + row * aStride,
                    aStride,
                    with,
                    to + row * cStride,
                    cStride,
                    steps,
                    add ? 1 : 0,
                    configurations.address() + configuration(tall),
                    blocks);
            row += tall * blocks;
        }
    }

    /** The address of the first of {@code rows} rows of {@code bytes} bytes that must all lie inside of a segment. */
    private static long address(MemorySegment segment, long at, long stride, int rows, long bytes) {
        Objects.checkIndex(rows - 1, TileProduct.MAX_ROWS);
        if (!segment.isNative() || stride < 0 || stride > TileProduct.MAX_DISTANCE) {
            throw new IndexOutOfBoundsException("native memory and a distance of rows from 0 to "
                    + TileProduct.MAX_DISTANCE + " expected, got " + segment + ", " + stride);
        }
        Objects.checkFromIndexSize(at, (rows - 1) * stride + bytes, segment.byteSize());
        NativeRoutines.requireOpen(segment, at);
        return segment.address() + at;
    }
}
