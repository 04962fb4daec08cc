package io.coda4j.tensor.spi;

import io.coda4j.tensor.Array;
import java.util.List;

/** A program compiled for one device. */
public interface Executable extends AutoCloseable {
    /**
     * Runs the program once.
     *
     * @param args one array per parameter, on this device; donated ones are consumed
     * @return the results, owned by the caller
     */
    List<Array> run(List<Array> args);

    /** How much memory a run needs. */
    MemoryReport memory();

    @Override
    void close();
}
