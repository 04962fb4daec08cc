package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.KernelSet;
import io.coda4j.tensor.exec.ProgramExecutor;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import java.lang.foreign.MemorySegment;

/** The CPU of this machine. Bitwise reproducible: results do not depend on the number of threads. */
public final class CpuDevice implements Device {
    private final String name;
    private final Parallel parallel;
    private final CpuMemory memory = new CpuMemory(this);
    private final KernelSet kernels;
    private final CpuCaches caches = CpuCaches.ofMachine();

    private CpuDevice(String name, int threads, boolean vector) {
        this.name = name;
        this.parallel = new Parallel(threads);
        var reference = new ReferenceKernels();
        this.kernels = vector ? kernels(parallel).orElse(reference) : reference;
    }

    /** The CPU with its fast kernels on {@code threads} threads. */
    public static CpuDevice withThreads(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("cpu: the number of threads must be at least 1, got " + threads);
        }
        return new CpuDevice("cpu", threads, true);
    }

    /** The CPU with its fast kernels on all processors available to the process. */
    public static CpuDevice allThreads() {
        return withThreads(Runtime.getRuntime().availableProcessors());
    }

    /** The scalar reference kernels alone: slow, and the definition of what every device must compute. */
    public static CpuDevice reference() {
        return new CpuDevice("cpu:reference", 1, false);
    }

    /** The fast kernels on other threads, with the memory of this device. */
    CpuKernels kernels(Parallel threads) {
        return new CpuKernels(threads, memory);
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return parallel.threads() + (parallel.threads() == 1 ? " thread, " : " threads, ") + CpuKernels.vectorWidth()
                + ", " + caches.description();
    }

    @Override
    public Executable compile(Program program, Layout layout) {
        return new ProgramExecutor(this, kernels, memory, program, layout);
    }

    @Override
    public Buffer upload(TensorType type, MemorySegment host) {
        var buffer = memory.allocate(type.byteSize());
        MemorySegment.copy(host, 0, buffer.segment(), 0, type.byteSize());
        return buffer;
    }

    /** Native memory is read where it lies, unless its elements lie across the boundaries of their size. */
    @Override
    public Buffer share(TensorType type, MemorySegment host) {
        boolean readable = host.isNative() && host.address() % type.dtype().bytes() == 0;
        return readable ? memory.share(host, type.byteSize()) : upload(type, host);
    }

    @Override
    public void close() {
        parallel.close();
        memory.close();
    }
}
