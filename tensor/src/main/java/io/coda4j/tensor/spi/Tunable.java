package io.coda4j.tensor.spi;

import java.util.function.Consumer;

/** A device that chooses among kernels by measuring them, once; it goes by the best from the next time it is opened. */
public interface Tunable {
    /**
     * One candidate.
     *
     * @param what the candidate, for people
     * @param gigaflops billions of operations per second; 0 if it cannot be used
     * @param detail why it cannot be used, or empty
     */
    record Trial(String what, double gigaflops, String detail) {}

    /** Measures all candidates, reports each, and remembers the best, which it returns. */
    Trial tune(Consumer<Trial> report);
}
