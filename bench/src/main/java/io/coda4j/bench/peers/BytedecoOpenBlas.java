package io.coda4j.bench.peers;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.openblas.global.openblas_full;

/** OpenBLAS as bytedeco packs it. */
final class BytedecoOpenBlas implements OpenBlas {
    @Override
    public void threads(int threads) {
        openblas_full.openblas_set_num_threads(threads);
    }

    @Override
    public String config() {
        return openblas_full.openblas_get_config().getString();
    }

    @Override
    public String core() {
        return openblas_full.openblas_get_corename().getString();
    }

    @Override
    public void multiply(Work.Gemm work, MemorySegment x, MemorySegment w, MemorySegment y) {
        openblas_full.cblas_sgemm(
                openblas_full.CblasRowMajor,
                transposition(work.isLeftTransposed()),
                transposition(work.isRightTransposed()),
                work.m(),
                work.n(),
                work.k(),
                1,
                pointer(x),
                work.leftStride(),
                pointer(w),
                work.rightStride(),
                0,
                pointer(y),
                work.n());
    }

    private static int transposition(boolean isTransposed) {
        return isTransposed ? openblas_full.CblasTrans : openblas_full.CblasNoTrans;
    }

    private static FloatPointer pointer(MemorySegment segment) {
        return new FloatPointer(
                segment.asByteBuffer().order(ByteOrder.nativeOrder()).asFloatBuffer());
    }
}
