package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.TileProduct;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What all products of one device share: the kernel of F32 sums, and scratch memory.
 *
 * @param f32 the machine code for F32, if there is any, asked for at the first product
 */
record MatmulContext(
        Supplier<Optional<TileProduct>> f32,
        NativeScratch memory,
        HeapScratch lefts,
        Pool<MatmulWorkspace> workspaces) {
    MatmulContext(Supplier<Optional<TileProduct>> f32) {
        this(f32, new NativeScratch(), new HeapScratch(), new Pool<>(MatmulWorkspace::new));
    }

    /** The fastest kernel for rows and panels of F32. */
    MacroKernel macroKernel() {
        return f32.get().<MacroKernel>map(MachineMacroKernel::new).orElseGet(VectorMacroKernel::new);
    }
}
