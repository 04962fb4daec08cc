package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.ProgramExecutor;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.KernelClock;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.Tunable;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jocl.CLException;
import org.jspecify.annotations.Nullable;

/** One OpenCL device: a context, a queue, memory, and the programs built for it. */
final class ClDevice implements Device, Tunable, KernelClock {
    /**
     * How a device is opened.
     *
     * @param binaries folder for built programs
     * @param forGpu whether kernels are those for GPUs; null asks the device
     * @param tuning the shape of the matrix product; null goes by what was measured before, if it was
     * @param shortestChain see {@link ClKernels}
     * @param memoryLimit bytes that this process may hold, at most what the device has
     * @param queueProperties what the queue is made with besides
     * @param tensorCores those that products of BF16 may use where kernels are for GPUs
     */
    record Options(
            Path binaries,
            @Nullable Boolean forGpu,
            @Nullable ClTuning tuning,
            long shortestChain,
            long memoryLimit,
            long queueProperties,
            Function<ClDevice, ClTensorCores> tensorCores) {
        private static final long SHORTEST_CHAIN = 64;

        /** As the device asks, with binaries in {@code folder}. */
        static Options in(Path folder) {
            return new Options(folder, null, null, SHORTEST_CHAIN, Long.MAX_VALUE, 0, ClTensorCores::of);
        }

        /** With kernels for GPUs, whatever the device is. */
        Options forGpus(ClTuning chosen) {
            return new Options(binaries, true, chosen, shortestChain, memoryLimit, queueProperties, tensorCores);
        }

        /** With a kernel for every chain. */
        Options chainingAll() {
            return new Options(binaries, forGpu, tuning, 0, memoryLimit, queueProperties, tensorCores);
        }

        /** With memory for no more than {@code bytes}. */
        Options limitedTo(long bytes) {
            return new Options(binaries, forGpu, tuning, shortestChain, bytes, queueProperties, tensorCores);
        }

        /** With a queue of other properties. */
        Options queuedWith(long properties) {
            return new Options(binaries, forGpu, tuning, shortestChain, memoryLimit, properties, tensorCores);
        }

        /** With other tensor cores. */
        Options multiplyingOn(Function<ClDevice, ClTensorCores> chosen) {
            return new Options(binaries, forGpu, tuning, shortestChain, memoryLimit, queueProperties, chosen);
        }
    }

    private final String name;
    private final ClInfo info;
    private final boolean forGpu;
    private final ClCacheFolder folder;
    private final ClTuning tuning;
    private final ClHandles handles;
    private final ClContext context;
    private final ClQueue queue;
    private final ClMemory memory;
    private final ClProgramCache programs;
    private final ClKernels kernels;
    private boolean closed;

    private ClDevice(String name, ClPlatforms.Found found, Options options, ClHandles handles) {
        this.name = name;
        this.info = found.info();
        this.forGpu = options.forGpu == null ? !info.isCpu() : options.forGpu;
        this.folder = new ClCacheFolder(options.binaries, info);
        this.tuning = options.tuning == null ? folder.tuning().orElse(ClTuning.DEFAULT) : options.tuning;
        this.handles = handles;
        this.context = new ClContext(found, handles);
        try {
            this.queue = new ClQueue(name, context.handle(), found.device(), options.queueProperties, handles);
        } catch (RuntimeException e) {
            context.close();
            throw e;
        }
        this.memory = new ClMemory(this, context.handle(), handles, Math.min(info.memory(), options.memoryLimit));
        this.programs =
                new ClProgramCache(name, context.handle(), found.device(), queue, handles, folder, info.keepsKernels());
        try {
            this.kernels = new ClKernels(this, forGpu, options.shortestChain, options.tensorCores.apply(this));
        } catch (RuntimeException e) {
            close();
            throw e;
        }
    }

    /**
     * Opens a device under a name for messages.
     *
     * @throws DeviceException if the driver refuses; nothing stays open then
     */
    static ClDevice open(String name, ClPlatforms.Found found, Options options) {
        return open(name, found, options, new ClHandles());
    }

    /** As the other, with the counts that will tell what it holds. */
    static ClDevice open(String name, ClPlatforms.Found found, Options options, ClHandles handles) {
        try {
            return new ClDevice(name, found, options, handles);
        } catch (CLException e) {
            throw ClErrors.failure(name, "opening", e);
        }
    }

    ClInfo info() {
        return info;
    }

    ClTuning tuning() {
        return tuning;
    }

    ClHandles handles() {
        return handles;
    }

    ClQueue queue() {
        return queue;
    }

    ClMemory memory() {
        return memory;
    }

    ClProgramCache programs() {
        return programs;
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String description() {
        return info.description() + (forGpu ? kernels.tensorCoresNote() : "");
    }

    @Override
    public Trial tune(Consumer<Trial> report) {
        // GPUs need larger matrices to have work for all their units.
        var best = new ClTuner(this, forGpu, info.isCpu() ? 512 : 2048).best(report);
        folder.remember(best.tuning());
        return best.trial();
    }

    @Override
    public List<KernelClock.Line> measure(Runnable work) {
        return queue.measure(work);
    }

    @Override
    public Executable compile(Program program, Layout layout) {
        if (!info.hasDoubles()) {
            refuseDoubles(program);
        }
        return new ProgramExecutor(this, kernels, memory, program, layout);
    }

    private void refuseDoubles(Program program) {
        var values = Stream.concat(
                program.params().stream(), program.body().stream().flatMap(equation -> equation.out().stream()));
        if (values.map(Symbol::type).map(TensorType::dtype).anyMatch(DType.F64::equals)) {
            throw new DeviceException("program " + program.name() + " computes with f64, which " + name + " ("
                    + info.name() + ") does not have; run it on the cpu");
        }
    }

    @Override
    public Buffer upload(TensorType type, MemorySegment host) {
        var buffer = memory.allocate(type.byteSize());
        queue.write(host, buffer);
        return buffer;
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        // From the last to the first, each of them whatever became of those before.
        try (context;
                memory;
                programs;
                queue) {}
    }
}
