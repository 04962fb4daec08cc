package io.coda4j.tensor.cpu.x86;

import java.lang.foreign.Arena;

/** Two threads in the longest calls of INT8 machine code that there are, and one that asks for safepoints. */
public final class SafepointWorkload {
    static final int SAFEPOINTS = 200;

    private static volatile boolean done;

    private SafepointWorkload() {}

    /** Ends by itself. */
    public static void main(String[] args) throws InterruptedException {
        var product = MachineKernels.ofProcess().int8().orElseThrow();
        var threads = new Thread[2];
        for (int i = 0; i < threads.length; i++) {
            threads[i] = Thread.ofPlatform().start(() -> multiply(product));
        }
        Thread.sleep(500);
        for (int i = 0; i < SAFEPOINTS; i++) {
            Thread.getAllStackTraces();
            Thread.sleep(3);
        }
        done = true;
        for (var thread : threads) {
            thread.join();
        }
    }

    private static void multiply(PanelProduct product) {
        int rows = 960;
        int stride = PanelProduct.MAX_STEPS * PanelProduct.STEP_BYTES;
        try (var arena = Arena.ofConfined()) {
            var a = arena.allocate((long) rows * stride, 64);
            var panel = arena.allocate((long) PanelProduct.MAX_STEPS * product.panelStepBytes(), 64);
            var c = arena.allocate(rows * 128L, 64);
            while (!done) {
                product.multiply(a, 0, stride, panel, 0, c, 0, 128, rows, PanelProduct.MAX_STEPS, false);
            }
        }
    }
}
