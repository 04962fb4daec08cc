package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.AttentionShape.KEY_BLOCK;
import static io.coda4j.tensor.cpu.MicroKernel.ROW;

import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

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
final class AttentionGradKernel implements Kernel {
    private final AttentionShape shape;
    private final Parallel parallel;
    private final AttentionWorkspace.Pool workspaces;

    private AttentionGradKernel(AttentionShape shape, Parallel parallel, AttentionWorkspace.Pool workspaces) {
        this.shape = shape;
        this.parallel = parallel;
        this.workspaces = workspaces;
    }

    /** The kernel, or empty for types that {@link AttentionShape#supports} does not name. */
    static Optional<Kernel> bind(
            Primitive.AttentionGrad prim, List<TensorType> in, Parallel parallel, AttentionWorkspace.Pool workspaces) {
        return AttentionShape.supports(in)
                ? Optional.of(
                        new AttentionGradKernel(AttentionShape.of(in, prim.scale(), prim.mask()), parallel, workspaces))
                : Optional.empty();
    }

    private record Run(
            MemorySegment q,
            MemorySegment k,
            MemorySegment v,
            MemorySegment querySegments,
            MemorySegment keySegments,
            int start,
            MemorySegment out,
            MemorySegment logSumExp,
            MemorySegment g,
            MemorySegment dq,
            MemorySegment dk,
            MemorySegment dv) {}

    @Override
    public void run(Buffer[] in, Buffer[] out) {
        var run = new Run(
                CpuBuffer.segment(in[0]),
                CpuBuffer.segment(in[1]),
                CpuBuffer.segment(in[2]),
                CpuBuffer.segment(in[3]),
                CpuBuffer.segment(in[4]),
                CpuBuffer.segment(in[5]).get(ValueLayout.JAVA_INT, 0),
                CpuBuffer.segment(in[6]),
                CpuBuffer.segment(in[7]),
                CpuBuffer.segment(in[8]),
                CpuBuffer.segment(out[0]),
                CpuBuffer.segment(out[1]),
                CpuBuffer.segment(out[2]));
        parallel.forEach(shape.batch() * shape.keyHeads(), task -> {
            var workspace = workspaces.borrow();
            task(run, task / shape.keyHeads(), task % shape.keyHeads(), workspace);
            workspaces.giveBack(workspace);
        });
    }

    private void task(Run run, int b, int keyHead, AttentionWorkspace workspace) {
        pack(run, b, keyHead, workspace);
        workspace.clearKeySums(shape.keys() * shape.width());
        int[] segments = shape.segments(run.querySegments, run.keySegments, b);
        int block = shape.queryBlock();
        for (int h = keyHead * shape.group(); h < (keyHead + 1) * shape.group(); h++) {
            for (int t = 0; t < shape.queries(); t += block) {
                block(run, b, h, t, Math.min(block, shape.queries() - t), segments, workspace);
            }
        }
        for (int s = 0; s < shape.keys(); s++) {
            long place = shape.keyAt(b, s, keyHead);
            int at = s * shape.width();
            AttentionRows.write(shape.narrow(), workspace.keys, at, shape.size(), run.dk, place);
            AttentionRows.write(shape.narrow(), workspace.values, at, shape.size(), run.dv, place);
        }
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

    private void pack(Run run, int b, int keyHead, AttentionWorkspace workspace) {
        workspace.reserve(cotangentsAt() + AttentionPanels.straightBytes(shape, shape.queryBlock()));
        var panels = workspace.panels.segment();
        for (int s = 0; s < shape.keys(); s += KEY_BLOCK) {
            int count = Math.min(KEY_BLOCK, shape.keys() - s);
            long at = shape.keyAt(b, s, keyHead);
            long stride = shape.keyStride();
            long keys = AttentionPanels.turnedBytes(shape, s);
            AttentionPanels.turned(shape, run.k, at, stride, count, panels, keys, workspace);
            AttentionPanels.turned(shape, run.v, at, stride, count, panels, valuesAt(s), workspace);
            AttentionPanels.straight(shape, run.k, at, stride, count, panels, straightAt(s));
        }
    }

    private void block(Run run, int b, int h, int t, int rows, int[] segments, AttentionWorkspace workspace) {
        packBlock(run, b, h, t, rows, workspace);
        float[] tile = workspace.tile;
        var panels = workspace.panels.segment();
        Arrays.fill(workspace.sums, 0, MatmulBlocks.roundUp(rows, MicroKernel.MR) * shape.width(), 0);
        int horizon = shape.horizon(run.start, t + rows - 1);
        for (int s = 0; s < horizon; s += KEY_BLOCK) {
            int height = Math.min(KEY_BLOCK, shape.keys() - s);
            int keys = Math.min(KEY_BLOCK, horizon - s);
            long keysAt = AttentionPanels.turnedBytes(shape, s);
            AttentionPanels.scores(
                    shape, workspace.queries, rows, panels, keysAt, keys, shape.scale(), workspace.scores, tile);
            AttentionPanels.scores(
                    shape, workspace.cotangents, rows, panels, valuesAt(s), keys, 1, workspace.slopes, tile);
            for (int r = 0; r < rows; r++) {
                slopes(run, b, t, r, s, keys, segments, workspace);
            }
            AttentionPanels.sumOverKeys(
                    shape, workspace.slopes, rows, panels, straightAt(s), height, keys, workspace.sums, tile);
            AttentionPanels.sumOverQueries(
                    shape, workspace.slopes, rows, panels, queriesAt(), keys, s, workspace.keys, tile);
            AttentionPanels.sumOverQueries(
                    shape, workspace.scores, rows, panels, cotangentsAt(), keys, s, workspace.values, tile);
        }
        for (int r = 0; r < rows; r++) {
            long place = shape.queryAt(b, t + r, h);
            AttentionRows.write(shape.narrow(), workspace.sums, r * shape.width(), shape.size(), run.dq, place);
        }
    }

    /** Packs the queries and cotangents of a block both ways; keeps delta in the totals, log-sum-exp in the maxima. */
    private void packBlock(Run run, int b, int h, int t, int rows, AttentionWorkspace workspace) {
        var panels = workspace.panels.segment();
        boolean narrow = shape.narrow();
        int size = shape.size();
        long at = shape.queryAt(b, t, h);
        long stride = shape.queryStride();
        MatmulPack.leftRows(narrow, run.q, at, stride, rows, size, workspace.queries);
        MatmulPack.leftRows(narrow, run.g, at, stride, rows, size, workspace.cotangents);
        AttentionPanels.straight(shape, run.q, at, stride, rows, panels, queriesAt());
        AttentionPanels.straight(shape, run.g, at, stride, rows, panels, cotangentsAt());
        for (int r = 0; r < rows; r++) {
            MatmulPack.row(narrow, run.out, at + r * stride, size, workspace.row, 0);
            workspace.totals[r] = AttentionRows.dot(workspace.row, 0, workspace.cotangents, r * ROW, size);
            workspace.maxima[r] = run.logSumExp.get(ValueLayout.JAVA_FLOAT, shape.logSumExpAt(b, h, t + r));
        }
    }

    /** Turns the scores of a row into probabilities, and the cotangents of those into cotangents of the scores. */
    private void slopes(Run run, int b, int t, int r, int s, int keys, int[] segments, AttentionWorkspace workspace) {
        int at = r * ROW;
        float logSumExp = workspace.maxima[r];
        boolean unseen = logSumExp == Float.NEGATIVE_INFINITY;
        int visible = unseen ? 0 : Math.clamp(shape.horizon(run.start, t + r) - s, 0, keys);
        AttentionRows.hide(workspace.scores, at, visible, keys);
        if (segments.length > 0) {
            AttentionRows.hideOthers(
                    workspace.scores, at, keys, segments, s, shape.segment(run.querySegments, b, t + r));
        }
        // For a query that sees nothing every score is -infinity, whose exponential relative to 0 is 0.
        AttentionRows.exponentials(workspace.scores, at, keys, unseen ? 0 : logSumExp);
        AttentionRows.slopes(workspace.scores, workspace.slopes, at, keys, workspace.totals[r], shape.scale());
    }
}
