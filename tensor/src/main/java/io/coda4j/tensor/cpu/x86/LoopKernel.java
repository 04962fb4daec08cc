package io.coda4j.tensor.cpu.x86;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** The kinds of machine code for {@link VectorLoops}, one for each width of a vector. */
enum LoopKernel {
    /** Masks of lanes are in registers of their own, to and from vectors by AVX512DQ. */
    LOOPS_AVX512(16, 32, CpuFeature.AVX512F, CpuFeature.AVX512DQ),
    LOOPS_AVX2(8, 16, CpuFeature.AVX2, CpuFeature.FMA);

    private final int lanes;
    private final int registers;
    private final List<CpuFeature> features;

    LoopKernel(int lanes, int registers, CpuFeature... features) {
        this.lanes = lanes;
        this.registers = registers;
        this.features = List.of(features);
    }

    /** Elements of a vector. */
    int lanes() {
        return lanes;
    }

    /** Bytes of a vector. */
    int bytes() {
        return lanes * Float.BYTES;
    }

    /** Registers that hold a vector. */
    int registers() {
        return registers;
    }

    /** The routine of {@code program}, or empty where registers are too few. */
    Optional<byte[]> code(LoopProgram program) {
        return LoopRoutine.code(
                switch (this) {
                    case LOOPS_AVX512 -> new Avx512LoopRoutine(program);
                    case LOOPS_AVX2 -> new Avx2LoopRoutine(program);
                });
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
