package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.cpu.x86.Interpreter.Region;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The routines of {@link TileProduct} on the {@link Interpreter}, which lets them touch only what their arguments speak of: each
 * element of the left rows, the panel, and each row of sums. All memory must be native.
 */
final class InterpretedTileCode implements TileCode {
    private final TileKernel kernel;
    private final List<byte[]> routines;

    InterpretedTileCode(TileKernel kernel) {
        this.kernel = kernel;
        this.routines = kernel.routines();
    }

    static TileProduct product(TileKernel kernel) {
        return new TileProduct(kernel, new InterpretedTileCode(kernel));
    }

    @Override
    public void run(
            int routine,
            MemorySegment a,
            MemorySegment c,
            long panel,
            long aRow,
            long aDepth,
            long cStride,
            long aAt,
            long cAt,
            long aTile,
            long next,
            long depth,
            long add,
            long scale,
            long tiles,
            long ahead) {
        int tall = routine % kernel.rows() + 1;
        var regions = new ArrayList<Region>();
        for (int tile = 0; tile < tiles; tile++) {
            for (int row = 0; row < tall; row++) {
                for (int k = 0; k < depth; k++) {
                    long element = a.address() + aAt + tile * aTile + row * aRow + k * aDepth;
                    regions.add(region("element " + k + " of row " + row, element, Float.BYTES, false));
                }
                long sums = c.address() + cAt + (tile * tall + row) * cStride;
                regions.add(region("sums " + row, sums, kernel.columns() * Float.BYTES, true));
            }
        }
        int step = kernel.columns() * (routine < kernel.rows() ? Float.BYTES : Short.BYTES);
        regions.add(region("panel", panel, depth * step, false));
        new Interpreter(regions)
                .call(
                        routines.get(routine),
                        a.address(),
                        c.address(),
                        panel,
                        aRow,
                        aDepth,
                        cStride,
                        aAt,
                        cAt,
                        aTile,
                        next,
                        depth,
                        add,
                        scale,
                        tiles,
                        ahead);
    }

    @SuppressWarnings("restricted")
    private static Region region(String name, long address, long bytes, boolean writable) {
        return new Region(name, MemorySegment.ofAddress(address).reinterpret(bytes), writable);
    }
}
