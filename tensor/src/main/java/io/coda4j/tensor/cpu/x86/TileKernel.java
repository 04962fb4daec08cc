package io.coda4j.tensor.cpu.x86;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** The kernels that compute {@link TileProduct}, one for each width of a vector. */
enum TileKernel {
    /** Its sums fill 24 of 32 registers. */
    AVX512_F32(16, 12, CpuFeature.AVX512F),
    /** With two vectors of the panel, one element and one constant its sums fill 16 registers. */
    AVX2_F32(8, 6, CpuFeature.AVX2, CpuFeature.FMA);

    /** Vectors of sums of one row. */
    static final int VECTORS = 2;

    private final int lanes;
    private final int rows;
    private final List<CpuFeature> features;

    TileKernel(int lanes, int rows, CpuFeature... features) {
        this.lanes = lanes;
        this.rows = rows;
        this.features = List.of(features);
    }

    /** Elements of a vector. */
    int lanes() {
        return lanes;
    }

    /** Columns of a panel. */
    int columns() {
        return VECTORS * lanes;
    }

    /** Rows that one tile has at most. */
    int rows() {
        return rows;
    }

    /** The machine code: a routine for each number of rows from 1 on with panels of F32, then as many with panels of BF16. */
    List<byte[]> routines() {
        return Stream.of(false, true)
                .flatMap(
                        narrow -> IntStream.rangeClosed(1, rows).mapToObj(tall -> TileRoutine.code(this, tall, narrow)))
                .toList();
    }

    /** Why {@code available} does not allow this kernel, or empty if it does. */
    Optional<String> unusableBecause(CpuFeatures available) {
        return available.unusableBecause(features);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
