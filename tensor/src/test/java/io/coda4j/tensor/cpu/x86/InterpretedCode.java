package io.coda4j.tensor.cpu.x86;

import io.coda4j.tensor.cpu.x86.Interpreter.Region;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The routines of a kernel on the {@link Interpreter}, which lets them touch only the bytes that their arguments speak of: each
 * row of a block, the panel, each row of sums, and the tile configuration.
 */
public final class InterpretedCode implements PanelCode {
    private final List<byte[]> routines;
    private final int panelStepBytes;

    InterpretedCode(PanelKernel kernel) {
        this.panelStepBytes = kernel.panelStepBytes();
        this.routines = kernel.routines();
    }

    /** Products of BF16 as AMX computes them. */
    public static PanelProduct amxBf16() {
        return product(PanelKernel.AMX_BF16);
    }

    /** Products of BF16 as AVX-512 computes them. */
    public static PanelProduct avx512Bf16() {
        return product(PanelKernel.AVX512_BF16);
    }

    /** Products of INT8 by each kernel. */
    public static List<PanelProduct> int8() {
        return PanelKernel.ofInt8().stream().map(InterpretedCode::product).toList();
    }

    /** Products of INT8 that compute nothing, with rows of which {@code group} elements fill 32 bits. */
    public static PanelProduct idleInt8(int group) {
        var kernel = group == 2 ? PanelKernel.AVX2_INT8 : PanelKernel.AMX_INT8;
        return new PanelProduct(kernel, (_, _, _, _, _, _, _, _, _, _) -> {});
    }

    /** Products that compute nothing, to see what is done around them. */
    public static PanelProduct idle() {
        return new PanelProduct(PanelKernel.AMX_BF16, (_, _, _, _, _, _, _, _, _, _) -> {});
    }

    static PanelProduct product(PanelKernel kernel) {
        return new PanelProduct(kernel, new InterpretedCode(kernel));
    }

    @Override
    public void run(
            int tall,
            long a,
            long aStride,
            long panel,
            long c,
            long cStride,
            long steps,
            long add,
            long configuration,
            long blocks) {
        var regions = new ArrayList<Region>();
        for (int row = 0; row < tall * blocks; row++) {
            regions.add(region("row " + row, a + row * aStride, steps * PanelProduct.STEP_BYTES, false));
            regions.add(region("sums " + row, c + row * cStride, PanelProduct.COLUMNS * Integer.BYTES, true));
        }
        regions.add(region("panel", panel, steps * panelStepBytes, false));
        regions.add(region("configuration", configuration, AmxKernel.CONFIGURATION_BYTES, false));
        new Interpreter(regions)
                .call(routines.get(tall - 1), a, aStride, panel, c, cStride, steps, add, configuration, blocks);
    }

    @SuppressWarnings("restricted")
    private static Region region(String name, long address, long bytes, boolean writable) {
        return new Region(name, MemorySegment.ofAddress(address).reinterpret(bytes), writable);
    }
}
