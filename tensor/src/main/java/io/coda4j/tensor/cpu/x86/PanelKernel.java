package io.coda4j.tensor.cpu.x86;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;

/** The kernels that compute {@link PanelProduct}, those to be preferred first. */
enum PanelKernel {
    AMX_BF16(
            Elements.BF16,
            AmxKernel.ROWS,
            () -> AmxKernel.routines(Assembler::tdpbf16ps),
            CpuFeature.AMX_TILE,
            CpuFeature.AMX_BF16),
    AVX512_BF16(
            Elements.BF16,
            Avx512Kernel.ROWS,
            () -> Avx512Kernel.routines(Assembler::vdpbf16ps),
            CpuFeature.AVX512F,
            CpuFeature.AVX512_BF16),
    AMX_INT8(
            Elements.I8_I8,
            AmxKernel.ROWS,
            () -> AmxKernel.integerRoutines(Assembler::tdpbssd),
            CpuFeature.AMX_TILE,
            CpuFeature.AMX_INT8),
    AVX512_VNNI(
            Elements.U8_I8,
            Avx512Kernel.ROWS,
            () -> Avx512Kernel.integerRoutines(Assembler::vpdpbusd),
            CpuFeature.AVX512F,
            CpuFeature.AVX512_VNNI),
    /** Its other instructions on integers are those of AVX2. */
    AVX_VNNI(Elements.U8_I8, AvxVnniKernel.ROWS, AvxVnniKernel::routines, CpuFeature.AVX_VNNI, CpuFeature.AVX2),
    AVX2_INT8(Elements.I16_I8, Avx2Kernel.ROWS, Avx2Kernel::routines, CpuFeature.AVX2);

    /** What rows and panels hold; sums are F32 for BF16, else I32. */
    enum Elements {
        BF16,
        /** Signed rows and panels. */
        I8_I8,
        /** Rows of unsigned bytes: signed ones plus 128, for which sums start at -128 times the sum of their column. */
        U8_I8,
        /** Signed rows of 16 bits, whose values fit into 8, and signed panels of bytes. */
        I16_I8;

        /** Bytes of one element of a row. */
        int rowBytes() {
            return switch (this) {
                case BF16, I16_I8 -> 2;
                case I8_I8, U8_I8 -> 1;
            };
        }

        /** Bytes of one element of a panel. */
        int panelBytes() {
            return this == BF16 ? 2 : 1;
        }

        /** Elements of a row that one lane of 32 bits holds, which lie side by side in a panel too. */
        int group() {
            return Integer.BYTES / rowBytes();
        }
    }

    private final Elements elements;
    private final int rows;
    private final Supplier<List<byte[]>> routines;
    private final List<CpuFeature> features;

    PanelKernel(Elements elements, int rows, Supplier<List<byte[]>> routines, CpuFeature... features) {
        this.elements = elements;
        this.rows = rows;
        this.routines = routines;
        this.features = List.of(features);
    }

    /** The kernels for BF16, best first. */
    static List<PanelKernel> ofBf16() {
        return Arrays.stream(values())
                .filter(kernel -> kernel.elements == Elements.BF16)
                .toList();
    }

    /** The kernels for INT8, best first. */
    static List<PanelKernel> ofInt8() {
        return Arrays.stream(values())
                .filter(kernel -> kernel.elements != Elements.BF16)
                .toList();
    }

    Elements elements() {
        return elements;
    }

    /** Bytes of a panel that one step of the depth takes. */
    int panelStepBytes() {
        return PanelProduct.STEP_BYTES / elements.rowBytes() * elements.panelBytes() * PanelProduct.COLUMNS;
    }

    /** Rows that one block has at most. */
    int rows() {
        return rows;
    }

    /** The machine code: number r - 1 computes blocks of r rows. */
    List<byte[]> routines() {
        return routines.get();
    }

    /** Why {@code features} do not allow this kernel, or empty if they do. */
    Optional<String> unusableBecause(CpuFeatures available) {
        return available.unusableBecause(features);
    }

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
