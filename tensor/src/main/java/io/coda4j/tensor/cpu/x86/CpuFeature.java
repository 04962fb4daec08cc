package io.coda4j.tensor.cpu.x86;

import java.util.Locale;

/** What a processor may have, under the names that Linux uses. */
enum CpuFeature {
    FMA,
    AVX2,
    AVX512F,
    AVX512DQ,
    AVX512_BF16,
    AVX512_VNNI,
    AVX_VNNI,
    AMX_TILE,
    AMX_BF16,
    AMX_INT8;

    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
