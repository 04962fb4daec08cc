package io.coda4j.tensor.cpu;

import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.MachineKernels;
import io.coda4j.tensor.cpu.x86.PanelProduct;
import io.coda4j.tensor.cpu.x86.TileProduct;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.exec.KernelSet;
import io.coda4j.tensor.exec.ProgramExecutor;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.Trait;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/** The CPU of this machine. Bitwise reproducible: results do not depend on the number of threads. */
public final class CpuDevice implements Device {
    /** The kernels of the Vector API, among the traits. */
    private static final String VECTOR = "vector";

    private static final String F32 = "f32 products";
    private static final String LOOPS = "loops";

    private final String name;
    private final Parallel parallel;
    private final CpuMemory memory = new CpuMemory(this);
    private final KernelSet kernels;
    private final boolean fast;
    private final CpuCaches caches = CpuCaches.ofMachine();

    private CpuDevice(String name, int threads, boolean vector) {
        this.name = name;
        this.fast = vector;
        this.parallel = new Parallel(threads);
        var reference = new ReferenceKernels();
        this.kernels = vector ? fast().orElse(reference) : reference;
    }

    private KernelSet fast() {
        MachineKernels.requireSettings();
        return kernels(parallel).behind(this::bf16, this::int8);
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
        return new CpuKernels(threads, memory, this::f32, CpuDevice::loops);
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
    public boolean hasFastBf16() {
        return bf16().isPresent();
    }

    /** Fewer rows are read as dot products, whose sums have another order. */
    @Override
    public OptionalInt independentRows() {
        return OptionalInt.of(fast ? PackedMatmul.LEAST : 1);
    }

    /** Machine code for F32, whose panels have the width that vectors give them here. */
    private Optional<TileProduct> f32() {
        return MachineKernels.ofProcess().f32(MicroKernel.NR);
    }

    private static Optional<VectorLoops> loops() {
        return MachineKernels.ofProcess().loops(Lanes.COUNT);
    }

    private Optional<PanelProduct> bf16() {
        return fast ? MachineKernels.ofProcess().bf16() : Optional.empty();
    }

    private Optional<PanelProduct> int8() {
        return fast ? MachineKernels.ofProcess().int8() : Optional.empty();
    }

    @Override
    public List<Trait> traits() {
        var traits = new ArrayList<Trait>();
        if (fast) {
            var machine = MachineKernels.ofProcess();
            machine.features().forEach(state -> traits.add(trait("features", state)));
            machine.f32Kernels(MicroKernel.NR).forEach(state -> traits.add(trait(F32, state)));
            traits.add(new Trait(F32, VECTOR, f32().map(product -> product + " is faster")));
            machine.loopKernels(Lanes.COUNT).forEach(state -> traits.add(trait(LOOPS, state)));
            traits.add(new Trait(
                    LOOPS, VECTOR, loops().map(_ -> "loops of machine code are faster where there are some")));
            machine.packingKernels().forEach(state -> traits.add(trait("packing", state)));
            products(traits, "bf16 products", machine.bf16Kernels(), machine.bf16());
            products(traits, "int8 products", machine.int8Kernels(), machine.int8());
        }
        traits.add(new Trait("memory", "huge pages", HugePages.ofProcess().unusedBecause()));
        return traits;
    }

    private static void products(
            List<Trait> traits, String group, List<MachineKernels.State> kernels, Optional<PanelProduct> best) {
        kernels.forEach(state -> traits.add(trait(group, state)));
        traits.add(new Trait(group, VECTOR, best.map(product -> product.name() + " is faster")));
    }

    private static Trait trait(String group, MachineKernels.State state) {
        return new Trait(group, state.name(), state.unusedBecause());
    }

    @Override
    public Executable compile(Program program, Layout layout) {
        return memory.whileOpen(() -> new ProgramExecutor(this, kernels, memory, program, layout));
    }

    @Override
    public Buffer upload(TensorType type, MemorySegment host) {
        return memory.whileOpen(() -> {
            var buffer = memory.allocate(type.byteSize());
            MemorySegment.copy(host, 0, buffer.segment(), 0, type.byteSize());
            return buffer;
        });
    }

    /**
     * See {@link CpuMemory#whileOpen}.
     *
     * @throws IllegalStateException if this device was closed
     */
    <R> R whileOpen(Supplier<R> work) {
        return memory.whileOpen(work);
    }

    /** Native memory is read where it lies, unless its elements lie across the boundaries of their size. */
    @Override
    public Buffer share(TensorType type, MemorySegment host) {
        boolean readable = host.isNative() && host.address() % type.dtype().bytes() == 0;
        return readable ? memory.share(host, type.byteSize()) : upload(type, host);
    }

    @Override
    public void close() {
        // Waits for what other threads compute here.
        memory.close();
        parallel.close();
    }
}
