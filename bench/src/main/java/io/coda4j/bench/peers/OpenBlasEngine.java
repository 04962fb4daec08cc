package io.coda4j.bench.peers;

import io.coda4j.tensor.DType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A build of OpenBLAS; it multiplies and does nothing else. */
final class OpenBlasEngine implements Engine {
    private final OpenBlas library;
    private final String description;

    OpenBlasEngine(OpenBlas library, int threads) {
        this.library = library;
        library.threads(threads);
        description = library.config() + ", kernels " + library.core() + ", " + threads + " threads";
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public Task prepare(Work work) {
        return switch (work) {
            case Work.Gemm gemm when gemm.dtype() == DType.F32 -> new GemmTask(gemm);
            case Work.QuantizedGemm _ -> throw new UnsupportedOperationException("OpenBLAS has no INT8");
            case Work.Gemm gemm -> throw new UnsupportedOperationException("this OpenBLAS has no " + gemm.dtype());
            case Work.Attention _, Work.Rows _, Work.Step _, Work.Denoise _, Work.Decode _, Work.Encode _ ->
                throw new UnsupportedOperationException("OpenBLAS only multiplies");
        };
    }

    private final class GemmTask implements Task {
        private static final long LINE_BYTES = 64;

        private final Work.Gemm work;
        private final Arena arena = Arena.ofConfined();
        private final MemorySegment x;
        private final MemorySegment w;
        private final MemorySegment y;

        GemmTask(Work.Gemm work) {
            this.work = work;
            x = copied(Operands.uniform(1, work.m() * work.k()));
            w = copied(Operands.uniform(2, work.n() * work.k()));
            y = arena.allocate((long) work.m() * work.n() * Float.BYTES, LINE_BYTES);
        }

        private MemorySegment copied(float[] values) {
            var memory = arena.allocate((long) values.length * Float.BYTES, LINE_BYTES);
            MemorySegment.copy(values, 0, memory, ValueLayout.JAVA_FLOAT, 0, values.length);
            return memory;
        }

        @Override
        public void run() {
            library.multiply(work, x, w, y);
        }

        @Override
        public float[] sample() {
            long count = Math.min(Operands.SAMPLE, (long) work.m() * work.n());
            return y.asSlice(0, count * Float.BYTES).toArray(ValueLayout.JAVA_FLOAT);
        }

        @Override
        public void close() {
            arena.close();
        }
    }
}
