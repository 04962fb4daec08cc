package io.coda4j.bench.peers;

import io.coda4j.tensor.DType;
import java.util.Arrays;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_full;

/** OpenBLAS as bytedeco packs it; it multiplies and does nothing else. */
final class OpenBlasEngine implements Engine {
    private final String description;

    OpenBlasEngine(int threads) {
        openblas_full.openblas_set_num_threads(threads);
        description = openblas_full.openblas_get_config().getString() + ", kernels "
                + openblas_full.openblas_get_corename().getString() + ", " + threads + " threads";
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

    private static final class GemmTask implements Task {
        private final Work.Gemm work;
        private final FloatPointer x;
        private final FloatPointer w;
        private final FloatPointer y;

        GemmTask(Work.Gemm work) {
            this.work = work;
            x = new FloatPointer(Operands.uniform(1, work.m() * work.k()));
            w = new FloatPointer(Operands.uniform(2, work.n() * work.k()));
            y = new FloatPointer((long) work.m() * work.n());
        }

        @Override
        public void run() {
            boolean isLeftTransposed = work.form().equals("TN");
            boolean isRightTransposed = work.form().equals("NT");
            openblas_full.cblas_sgemm(
                    openblas_full.CblasRowMajor,
                    isLeftTransposed ? openblas_full.CblasTrans : openblas_full.CblasNoTrans,
                    isRightTransposed ? openblas_full.CblasTrans : openblas_full.CblasNoTrans,
                    work.m(),
                    work.n(),
                    work.k(),
                    1,
                    x,
                    isLeftTransposed ? work.m() : work.k(),
                    w,
                    isRightTransposed ? work.k() : work.n(),
                    0,
                    y,
                    work.n());
        }

        @Override
        public float[] sample() {
            var values = new float[(int) Math.min(Operands.SAMPLE, (long) work.m() * work.n())];
            y.get(values);
            return Arrays.copyOf(values, values.length);
        }

        @Override
        public void close() {
            x.close();
            w.close();
            y.close();
        }
    }
}
