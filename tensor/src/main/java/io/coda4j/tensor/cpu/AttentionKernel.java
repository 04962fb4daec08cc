package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.AttentionShape.KEY_BLOCK;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.TileProduct;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Attention by blocks of queries and keys with a running softmax: no array of scores of all queries and keys exists
 * (Dao et al. 2022, algorithm 1, with the division by the sum at the end).
 *
 * <p>A task is one key head of one batch row and some of its queries; the blocks, and with them the order of every sum,
 * depend on the sizes alone.
 */
final class AttentionKernel implements Kernel, Parallel.Task {
    /** Rows whose scores stay in the first-level cache from one pass over them to the next. */
    private static final int SOFTMAX_ROWS = 16;

    private final AttentionShape shape;
    private final MacroKernel kernel;
    private final AttentionPasses passes;
    private final TileProduct.@Nullable Left inPlace;
    private final Parallel parallel;
    private final Pool<AttentionWorkspace> workspaces;
    private final int parts;

    // The operands and results of the run, which its tasks read.
    private MemorySegment q = MemorySegment.NULL;
    private MemorySegment k = MemorySegment.NULL;
    private MemorySegment v = MemorySegment.NULL;
    private MemorySegment querySegments = MemorySegment.NULL;
    private MemorySegment keySegments = MemorySegment.NULL;
    private int start;
    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment logSumExp = MemorySegment.NULL;

    private AttentionKernel(
            AttentionShape shape,
            MacroKernel kernel,
            AttentionPasses passes,
            Parallel parallel,
            Pool<AttentionWorkspace> workspaces) {
        this.shape = shape;
        this.kernel = kernel;
        this.passes = passes;
        this.inPlace = AttentionLeft.inPlace(kernel, shape);
        this.parallel = parallel;
        this.workspaces = workspaces;
        int heads = Math.max(1, shape.batch() * shape.keyHeads());
        int wanted = MatmulBlocks.count(MatmulBlocks.enough(parallel.threads()), heads);
        this.parts = Math.min(wanted, Math.max(1, MatmulBlocks.count(shape.queries(), shape.queryBlock())));
    }

    /** The kernel, or empty for types that {@link AttentionShape#supports} does not name. */
    static Optional<Kernel> bind(
            Primitive.Attention prim,
            List<TensorType> in,
            MacroKernel kernel,
            AttentionPasses passes,
            Parallel parallel,
            Pool<AttentionWorkspace> workspaces) {
        return AttentionShape.supports(in)
                ? Optional.of(new AttentionKernel(
                        AttentionShape.of(in, prim.scale(), prim.mask()), kernel, passes, parallel, workspaces))
                : Optional.empty();
    }

    @Override
    public void run(Buffer[] from, Buffer[] to) {
        q = CpuBuffer.segment(from[0]);
        k = CpuBuffer.segment(from[1]);
        v = CpuBuffer.segment(from[2]);
        querySegments = CpuBuffer.segment(from[3]);
        keySegments = CpuBuffer.segment(from[4]);
        start = CpuBuffer.segment(from[5]).get(ValueLayout.JAVA_INT, 0);
        out = CpuBuffer.segment(to[0]);
        logSumExp = CpuBuffer.segment(to[1]);
        parallel.forEach(shape.batch() * shape.keyHeads() * parts, this);
    }

    @Override
    public void run(int task) {
        var workspace = workspaces.borrow();
        int head = task / parts;
        task(head / shape.keyHeads(), head % shape.keyHeads(), task % parts, workspace);
        workspaces.giveBack(workspace);
    }

    private void task(int b, int keyHead, int part, AttentionWorkspace workspace) {
        int block = shape.queryBlock();
        int blocks = MatmulBlocks.count(shape.queries(), block);
        int from = blocks * part / parts * block;
        int to = Math.min(shape.queries(), blocks * (part + 1) / parts * block);
        if (from >= to) {
            return;
        }
        pack(b, keyHead, shape.horizon(start, to - 1), workspace);
        boolean mixed = shape.segments(querySegments, keySegments, b, workspace.segments(shape.keys()));
        for (int h = keyHead * shape.group(); h < (keyHead + 1) * shape.group(); h++) {
            for (int t = from; t < to; t += block) {
                block(b, h, t, Math.min(block, to - t), mixed, workspace);
            }
        }
    }

    /** Packs the keys that any query of the task may see: turned panels of k, then straight panels of v, by blocks. */
    private void pack(int b, int keyHead, int keys, AttentionWorkspace workspace) {
        workspace.reserve(valuesAt(shape.keys()) + AttentionPanels.straightBytes(shape, shape.keys()));
        var panels = workspace.panels.segment();
        for (int s = 0; s < keys; s += KEY_BLOCK) {
            int count = Math.min(KEY_BLOCK, shape.keys() - s);
            long at = shape.keyAt(b, s, keyHead);
            AttentionPanels.turned(shape, k, at, shape.keyStride(), count, panels, keysAt(s), workspace);
            AttentionPanels.straight(shape, v, at, shape.keyStride(), count, panels, valuesAt(s));
        }
    }

    private long keysAt(int s) {
        return AttentionPanels.turnedBytes(shape, s);
    }

    private long valuesAt(int s) {
        return AttentionPanels.turnedBytes(shape, shape.keys()) + AttentionPanels.straightBytes(shape, s);
    }

    private void block(int b, int h, int t, int rows, boolean mixed, AttentionWorkspace workspace) {
        workspace.queries.take(inPlace, shape, q, shape.queryAt(b, t, h), rows);
        workspace.maxima.fill(rows, Float.NEGATIVE_INFINITY);
        workspace.totals.fill(rows, 0);
        workspace.sums.begin(shape, out, shape.queryAt(b, t, h), shape.queryStride(), rows);
        int horizon = shape.horizon(start, t + rows - 1);
        for (int s = 0; s < horizon; s += KEY_BLOCK) {
            int height = Math.min(KEY_BLOCK, shape.keys() - s);
            int keys = Math.min(KEY_BLOCK, horizon - s);
            var panels = workspace.panels.segment();
            AttentionPanels.scores(
                    kernel,
                    shape,
                    workspace.queries,
                    panels,
                    keysAt(s),
                    keys,
                    shape.scale(),
                    workspace.scores,
                    workspace.tiles);
            for (int r = 0; r < rows; r += SOFTMAX_ROWS) {
                softmax(b, t, r, Math.min(SOFTMAX_ROWS, rows - r), s, keys, mixed, workspace);
            }
            AttentionPanels.sumOverKeys(
                    kernel,
                    shape,
                    workspace.scores,
                    rows,
                    panels,
                    valuesAt(s),
                    height,
                    keys,
                    workspace.sums,
                    workspace.tiles);
        }
        write(b, h, t, rows, workspace);
    }

    /** Turns the scores of some rows into exponentials relative to the greatest so far, and the rows' sums likewise. */
    private void softmax(
            int b, int t, int from, int rows, int s, int keys, boolean mixed, AttentionWorkspace workspace) {
        var scores = workspace.scores;
        hide(b, t, from, rows, s, keys, mixed, workspace);
        passes.greatest(scores, from, rows, keys, workspace.greatest.address(from), workspace.lanes);
        bases(from, rows, workspace);
        long bases = workspace.bases.address(from);
        passes.exponentials(scores, from, rows, keys, bases, workspace.added.address(from), workspace.lanes);
        for (int r = from; r < from + rows; r++) {
            add(r, workspace);
        }
    }

    /** Makes the scores of keys that queries do not see -infinity. */
    private void hide(int b, int t, int from, int rows, int s, int keys, boolean mixed, AttentionWorkspace workspace) {
        float[] scores = workspace.scores.array();
        for (int r = from; r < from + rows; r++) {
            int at = r * ROW;
            AttentionRows.hide(scores, at, Math.clamp(shape.horizon(start, t + r) - s, 0, keys), keys);
            if (mixed) {
                int own = shape.segment(querySegments, b, t + r);
                AttentionRows.hideOthers(scores, at, keys, workspace.segments, s, own);
            }
        }
    }

    /** What exponentials of rows are relative to. */
    private static void bases(int from, int rows, AttentionWorkspace workspace) {
        for (int r = from; r < from + rows; r++) {
            float max = Math.max(workspace.maxima.get(r), workspace.greatest.get(r));
            // A row that has seen nothing yet: relative to 0 its exponentials are 0 and not NaN.
            workspace.bases.set(r, max == Float.NEGATIVE_INFINITY ? 0 : max);
        }
    }

    /** Adds what a block of keys gave to the total of a row, which is made relative to the greatest score if that is greater now. */
    private static void add(int r, AttentionWorkspace workspace) {
        float before = workspace.maxima.get(r);
        float max = Math.max(before, workspace.greatest.get(r));
        float total = workspace.totals.get(r);
        workspace.maxima.set(r, max);
        if (before == max || total == 0) {
            workspace.totals.set(r, total + workspace.added.get(r));
        } else {
            float factor = VectorMath.exp(before - workspace.bases.get(r));
            workspace.totals.set(r, total * factor + workspace.added.get(r));
            workspace.sums.multiply(r, factor);
        }
    }

    private void write(int b, int h, int t, int rows, AttentionWorkspace workspace) {
        var sums = workspace.sums;
        for (int r = 0; r < rows; r++) {
            float total = workspace.totals.get(r);
            if (total == 0) {
                sums.clear(r);
            } else {
                sums.multiply(r, 1 / total);
            }
            float sum = total == 0 ? Float.NEGATIVE_INFINITY : (float) (workspace.maxima.get(r) + Math.log(total));
            logSumExp.set(ValueLayout.JAVA_FLOAT, shape.logSumExpAt(b, h, t + r), sum);
        }
        sums.finish(passes);
    }
}
