package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.LoopProgram.Access;
import io.coda4j.tensor.cpu.x86.LoopProgram.Builder;
import io.coda4j.tensor.cpu.x86.VectorLoop;
import io.coda4j.tensor.cpu.x86.VectorLoops;

/** Sums of BF16 rows in machine code, of the bits of {@link Rows}, and the loops that they are made of. */
final class RowLoops {
    private final VectorLoop add;
    private final VectorLoop round;

    RowLoops(VectorLoops loops) {
        add = add(loops, true);
        round = round(loops);
    }

    /** A row of F32 to which rows are added, of BF16 if {@code narrow}. */
    static VectorLoop add(VectorLoops loops, boolean narrow) {
        var b = new Builder();
        var x = b.load(b.memory(Access.rows(narrow)));
        int sums = b.memory(Access.ROW);
        b.store(sums, b.add(b.load(sums), x));
        return loops.required(b.program());
    }

    /** Rows of F32 rounded to rows of BF16. */
    static VectorLoop round(VectorLoops loops) {
        var b = new Builder();
        var x = b.load(b.memory(Access.ROWS));
        b.store(b.memory(Access.BF16_ROWS), x);
        return loops.required(b.program());
    }

    /** As {@link Rows#sumBf16}, where {@code n} is a multiple of {@link Lanes#COUNT}. */
    void sumBf16(long x, long rowBytes, int[] members, int start, int end, long y, int n) {
        if (start == end) {
            Lanes.ALL.asSlice(y, 2L * n).fill((byte) 0);
            return;
        }
        var scratch = Scratch.ofThread();
        for (int from = 0; from < n; from += Scratch.SLOT) {
            int some = Math.min(Scratch.SLOT, n - from);
            scratch.slot(0).asSlice(0, some * 4L).fill((byte) 0);
            long sums = scratch.address(0);
            for (int k = start; k < end; k++) {
                long row = x + members[k] * rowBytes + from * 2L;
                scratch.call.memory(0, row).memory(1, sums).run(add, some);
            }
            scratch.call.memory(0, sums).memory(1, y + from * 2L).run(round, some);
        }
    }
}
