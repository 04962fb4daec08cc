package io.coda4j.tensor.cpu;

import io.coda4j.tensor.cpu.x86.TileProduct;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * What all products of one device share: machine code, and scratch memory.
 *
 * @param f32 the machine code for tiles of F32, if there is any, asked for at the first product
 * @param loops the maker of loops in machine code, likewise
 */
record MatmulContext(
        Supplier<Optional<TileProduct>> f32,
        Supplier<Optional<VectorLoops>> loops,
        NativeScratch memory,
        HeapScratch lefts,
        Pool<MatmulWorkspace> workspaces) {
    MatmulContext(Supplier<Optional<TileProduct>> f32, Supplier<Optional<VectorLoops>> loops) {
        this(f32, loops, new NativeScratch(), new HeapScratch(), new Pool<>(MatmulWorkspace::new));
    }

    /** The fastest kernel for rows and panels of F32. */
    MacroKernel macroKernel() {
        return f32.get().<MacroKernel>map(MachineMacroKernel::new).orElseGet(VectorMacroKernel::new);
    }
}
