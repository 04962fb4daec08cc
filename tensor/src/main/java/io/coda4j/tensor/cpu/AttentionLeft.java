package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.TileProduct;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** Rows of one head as the left operand of scores: where they lie, if the kernel can read them there, else packed. */
final class AttentionLeft {
    /** Rows packed for {@link MicroKernel#rows}. */
    private final HeapScratch.Block packed =
            HeapScratch.Block.of(AttentionShape.MAX_QUERY_BLOCK * MicroKernel.ROW + MicroKernel.LANES);

    private TileProduct.@Nullable Left inPlace;
    private MemorySegment from = MemorySegment.NULL;
    private long at;
    private int rows;

    /** How {@code kernel} reads rows like those of q where they are, or null if they must be packed. */
    static TileProduct.@Nullable Left inPlace(MacroKernel kernel, AttentionShape shape) {
        return kernel.readsInPlace() && !shape.narrow()
                ? MatmulKernel.rowsInPlace(shape.queryStride(), shape.keys())
                : null;
    }

    /**
     * Takes {@code rows} rows of a tensor like q from byte {@code at} on.
     *
     * @param inPlace what {@link #inPlace} returned
     */
    void take(TileProduct.@Nullable Left inPlace, AttentionShape shape, MemorySegment from, long at, int rows) {
        this.inPlace = inPlace;
        this.from = from;
        this.at = at;
        this.rows = rows;
        if (inPlace == null) {
            MatmulPack.leftRows(shape.narrow(), from, at, shape.queryStride(), rows, shape.size(), packed);
        }
    }

    /** {@code to[r][first + c]} = {@code scale} times row r times column c of a panel, as {@link MacroKernel#scores}. */
    void scores(
            MacroKernel kernel,
            int depth,
            MemorySegment panels,
            long panel,
            long next,
            float scale,
            HeapScratch.Block to,
            int first,
            TileScratch scratch) {
        if (inPlace != null) {
            kernel.scoresInPlace(inPlace, from, at, rows, depth, panels, panel, next, scale, to, first);
        } else {
            kernel.scores(packed, rows, depth, panels, panel, next, scale, to, first, scratch);
        }
    }
}
