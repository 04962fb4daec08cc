package io.coda4j.tensor.cpu;

/** The scratch memory that all products and attentions of one device share. */
record MatmulScratch(NativeScratch memory, HeapScratch lefts, Pool<MatmulWorkspace> workspaces) {
    MatmulScratch() {
        this(new NativeScratch(), new HeapScratch(), new Pool<>(MatmulWorkspace::new));
    }
}
