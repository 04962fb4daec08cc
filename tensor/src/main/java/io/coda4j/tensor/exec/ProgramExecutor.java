package io.coda4j.tensor.exec;

import io.coda4j.tensor.*;
import io.coda4j.tensor.spi.*;
import java.util.List;

/** Placeholder. */
public final class ProgramExecutor implements Executable {
    public ProgramExecutor(Device device, KernelSet kernels, Memory memory, Program program, Layout layout) {}
    @Override
    public List<Array> run(List<Array> args) { throw new UnsupportedOperationException(); }
    @Override
    public MemoryReport memory() { throw new UnsupportedOperationException(); }
    @Override
    public void close() {}
}
