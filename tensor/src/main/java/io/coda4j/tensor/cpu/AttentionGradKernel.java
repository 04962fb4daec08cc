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
 * The cotangents of attention, recomputing the probabilities of each block from the scores and the log-sum-exp.
 *
 * <pre>
 * P = exp(S - logSumExp)   dP = g V'   delta = rowsum(g * out)   dS = P * (dP - delta) * scale
 * dQ = dS K                dK = dS' Q  dV = P' g
 * </pre>
 *
 * <p>A task is one key head of one batch row: it alone sums over the group's query heads, in ascending order.
 */
final class AttentionGradKernel implements Kernel, Parallel.Task {
    private final AttentionShape shape;
    private final MacroKernel kernel;
    private final AttentionPasses passes;
    private final TileProduct.@Nullable Left inPlace;
    private final Parallel parallel;
    private final Pool<AttentionWorkspace> workspaces;

    // The operands and results of the run, which its tasks read.
    private MemorySegment q = MemorySegment.NULL;
    private MemorySegment k = MemorySegment.NULL;
    private MemorySegment v = MemorySegment.NULL;
    private MemorySegment querySegments = MemorySegment.NULL;
    private MemorySegment keySegments = MemorySegment.NULL;
    private int start;
    private MemorySegment out = MemorySegment.NULL;
    private MemorySegment logSumExp = MemorySegment.NULL;
    private MemorySegment g = MemorySegment.NULL;
    private MemorySegment dq = MemorySegment.NULL;
    private MemorySegment dk = MemorySegment.NULL;
    private MemorySegment dv = MemorySegment.NULL;

    private AttentionGradKernel(
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
    }

    /** The kernel, or empty for types that {@link AttentionShape#supports} does not name. */
    static Optional<Kernel> bind(
            Primitive.AttentionGrad prim,
            List<TensorType> in,
            MacroKernel kernel,
            AttentionPasses passes,
            Parallel parallel,
            Pool<AttentionWorkspace> workspaces) {
        return AttentionShape.supports(in)
                ? Optional.of(new AttentionGradKernel(
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
        out = CpuBuffer.segment(from[6]);
        logSumExp = CpuBuffer.segment(from[7]);
        g = CpuBuffer.segment(from[8]);
        dq = CpuBuffer.segment(to[0]);
        dk = CpuBuffer.segment(to[1]);
        dv = CpuBuffer.segment(to[2]);
        parallel.forEach(shape.batch() * shape.keyHeads(), this);
    }

    @Override
    public void run(int task) {
        var workspace = workspaces.borrow();
        task(task / shape.keyHeads(), task % shape.keyHeads(), workspace);
        workspaces.giveBack(workspace);
    }

    private void task(int b, int keyHead, AttentionWorkspace workspace) {
        pack(b, keyHead, workspace);
        long at = shape.keyAt(b, 0, keyHead);
        workspace.keys.begin(shape, dk, at, shape.keyStride(), shape.keys());
        workspace.values.begin(shape, dv, at, shape.keyStride(), shape.keys());
        boolean mixed = shape.segments(querySegments, keySegments, b, workspace.segments(shape.keys()));
        int block = shape.queryBlock();
        for (int h = keyHead * shape.group(); h < (keyHead + 1) * shape.group(); h++) {
            for (int t = 0; t < shape.queries(); t += block) {
                block(b, h, t, Math.min(block, shape.queries() - t), mixed, workspace);
            }
        }
        workspace.keys.finish(passes);
        workspace.values.finish(passes);
    }

    // The panels lie in this order: k turned, v turned, k straight, then q and g of the current block straight.
    private long valuesAt(int s) {
        return AttentionPanels.turnedBytes(shape, shape.keys()) + AttentionPanels.turnedBytes(shape, s);
    }

    private long straightAt(int s) {
        return 2 * AttentionPanels.turnedBytes(shape, shape.keys()) + AttentionPanels.straightBytes(shape, s);
    }

    private long queriesAt() {
        return straightAt(shape.keys());
    }

    private long cotangentsAt() {
        return queriesAt() + AttentionPanels.straightBytes(shape, shape.queryBlock());
    }

    private void pack(int b, int keyHead, AttentionWorkspace workspace) {
        workspace.reserve(cotangentsAt() + AttentionPanels.straightBytes(shape, shape.queryBlock()));
        var panels = workspace.panels.segment();
        for (int s = 0; s < shape.keys(); s += KEY_BLOCK) {
            int count = Math.min(KEY_BLOCK, shape.keys() - s);
            long at = shape.keyAt(b, s, keyHead);
            long stride = shape.keyStride();
            long keys = AttentionPanels.turnedBytes(shape, s);
            AttentionPanels.turned(shape, k, at, stride, count, panels, keys, workspace);
            AttentionPanels.turned(shape, v, at, stride, count, panels, valuesAt(s), workspace);
            AttentionPanels.straight(shape, k, at, stride, count, panels, straightAt(s));
        }
    }

    private void block(int b, int h, int t, int rows, boolean mixed, AttentionWorkspace workspace) {
        packBlock(b, h, t, rows, workspace);
        var scratch = workspace.tiles;
        var panels = workspace.panels.segment();
        workspace.sums.begin(shape, dq, shape.queryAt(b, t, h), shape.queryStride(), rows);
        int horizon = shape.horizon(start, t + rows - 1);
        for (int s = 0; s < horizon; s += KEY_BLOCK) {
            int height = Math.min(KEY_BLOCK, shape.keys() - s);
            int keys = Math.min(KEY_BLOCK, horizon - s);
            long keysAt = AttentionPanels.turnedBytes(shape, s);
            AttentionPanels.scores(
                    kernel, shape, workspace.queries, panels, keysAt, keys, shape.scale(), workspace.scores, scratch);
            AttentionPanels.scores(
                    kernel, shape, workspace.cotangents, panels, valuesAt(s), keys, 1, workspace.slopes, scratch);
            slopes(b, t, rows, s, keys, mixed, workspace);
            AttentionPanels.sumOverKeys(
                    kernel,
                    shape,
                    workspace.slopes,
                    rows,
                    panels,
                    straightAt(s),
                    height,
                    keys,
                    workspace.sums,
                    scratch);
            AttentionPanels.sumOverQueries(
                    kernel, shape, workspace.slopes, rows, panels, queriesAt(), keys, s, workspace.keys, scratch);
            AttentionPanels.sumOverQueries(
                    kernel, shape, workspace.scores, rows, panels, cotangentsAt(), keys, s, workspace.values, scratch);
        }
        workspace.sums.finish(passes);
    }

    /** Packs the queries and cotangents of a block both ways; keeps delta in the totals, log-sum-exp in the maxima. */
    private void packBlock(int b, int h, int t, int rows, AttentionWorkspace workspace) {
        var panels = workspace.panels.segment();
        int size = shape.size();
        long at = shape.queryAt(b, t, h);
        long stride = shape.queryStride();
        workspace.queries.take(inPlace, shape, q, at, rows);
        workspace.cotangents.take(inPlace, shape, g, at, rows);
        AttentionPanels.straight(shape, q, at, stride, rows, panels, queriesAt());
        AttentionPanels.straight(shape, g, at, stride, rows, panels, cotangentsAt());
        long outAt = LaneLoop.address(out, shape.queryBytes()) + at;
        long cotangentAt = LaneLoop.address(g, shape.queryBytes()) + at;
        passes.dots(outAt, cotangentAt, stride, rows, size, workspace.totals.address(0), workspace.lanes);
        workspace.maxima.copy(logSumExp, shape.logSumExpAt(b, h, t), rows);
    }

    /** Turns the scores of rows into probabilities, and the cotangents of those into cotangents of the scores. */
    private void slopes(int b, int t, int rows, int s, int keys, boolean mixed, AttentionWorkspace workspace) {
        for (int r = 0; r < rows; r++) {
            int at = r * ROW;
            float logSumExp = workspace.maxima.get(r);
            boolean unseen = logSumExp == Float.NEGATIVE_INFINITY;
            int visible = unseen ? 0 : Math.clamp(shape.horizon(start, t + r) - s, 0, keys);
            AttentionRows.hide(workspace.scores.array(), at, visible, keys);
            if (mixed) {
                int own = shape.segment(querySegments, b, t + r);
                AttentionRows.hideOthers(workspace.scores.array(), at, keys, workspace.segments, s, own);
            }
            // For a query that sees nothing every score is -infinity, whose exponential relative to 0 is 0.
            workspace.bases.set(r, unseen ? 0 : logSumExp);
        }
        passes.gradients(
                workspace.scores,
                workspace.slopes,
                rows,
                keys,
                workspace.bases.address(0),
                workspace.totals.address(0),
                shape.scale());
    }
}
