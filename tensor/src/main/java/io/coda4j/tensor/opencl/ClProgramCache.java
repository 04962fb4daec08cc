package io.coda4j.tensor.opencl;

import static org.jocl.CL.CL_PROGRAM_BINARIES;
import static org.jocl.CL.CL_PROGRAM_BINARY_SIZES;
import static org.jocl.CL.CL_PROGRAM_BUILD_LOG;
import static org.jocl.CL.clBuildProgram;
import static org.jocl.CL.clCreateKernel;
import static org.jocl.CL.clCreateProgramWithBinary;
import static org.jocl.CL.clCreateProgramWithSource;
import static org.jocl.CL.clGetProgramBuildInfo;
import static org.jocl.CL.clGetProgramInfo;
import static org.jocl.CL.clReleaseKernel;
import static org.jocl.CL.clReleaseProgram;

import io.coda4j.tensor.DeviceException;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import org.jocl.CLException;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_context;
import org.jocl.cl_device_id;
import org.jocl.cl_kernel;
import org.jocl.cl_program;
import org.jspecify.annotations.Nullable;

/**
 * The programs of a device: each built once in this process, and its binary kept for the next, by the driver or, where it
 * does not, here.
 */
final class ClProgramCache implements AutoCloseable {
    /**
     * What a driver that compiles with LLVM logs when a temporary file of its own is gone, which has nothing to do with the
     * source: LLVM deletes such files when a signal comes, and to the JVM signals are an everyday means.
     */
    private static final String LOST_FILE = "unable to rename temporary";

    private record Key(String source, String options) {}

    private record Built(cl_program program, Map<String, ClFunction> functions) {}

    private final String device;
    private final cl_context context;
    private final cl_device_id id;
    private final ClQueue queue;
    private final ClHandles handles;
    private final ClCacheFolder binaries;
    private final boolean driverKeepsKernels;
    private final Map<Key, Built> programs = new HashMap<>();
    private int sourceBuilds;

    ClProgramCache(
            String device,
            cl_context context,
            cl_device_id id,
            ClQueue queue,
            ClHandles handles,
            ClCacheFolder binaries,
            boolean driverKeepsKernels) {
        this.device = device;
        this.context = context;
        this.id = id;
        this.queue = queue;
        this.handles = handles;
        this.binaries = binaries;
        this.driverKeepsKernels = driverKeepsKernels;
    }

    /**
     * The kernel {@code name} of a program.
     *
     * @throws DeviceException if the driver's compiler refuses it; the message names a file with the log and the source
     */
    ClFunction function(String source, String options, String name) {
        return function(source, options, name, (name + " " + options.replace("-D", "")).strip());
    }

    /** As the other, with a label for people. */
    synchronized ClFunction function(String source, String options, String name, String label) {
        queue.checkOpen();
        var built = programs.computeIfAbsent(new Key(source, options), key -> new Built(build(key), new HashMap<>()));
        return built.functions.computeIfAbsent(name, _ -> {
            try {
                var kernel = handles.created(ClHandles.Kind.KERNEL, clCreateKernel(built.program, name, null));
                return new ClFunction(queue, label, kernel);
            } catch (CLException e) {
                throw ClErrors.failure(device, "making kernel " + name, e);
            }
        });
    }

    /** How many programs were built from their source. */
    synchronized int sourceBuilds() {
        return sourceBuilds;
    }

    private cl_program build(Key key) {
        if (driverKeepsKernels) {
            return fromSource(key);
        }
        var entry = binaries.entry(key.source, key.options);
        var binary = binaries.read(entry);
        if (binary.isPresent()) {
            var program = fromBinary(binary.get(), key.options);
            if (program != null) {
                return program;
            }
        }
        var program = fromSource(key);
        binaries.write(entry, binary(program));
        return program;
    }

    /** The program, or null if the driver does not take this binary any more. */
    private @Nullable cl_program fromBinary(byte[] binary, String options) {
        cl_program program = null;
        try {
            program = clCreateProgramWithBinary(
                    context, 1, new cl_device_id[] {id}, new long[] {binary.length}, new byte[][] {binary}, null, null);
            clBuildProgram(program, 0, null, options, null, null);
            return handles.created(ClHandles.Kind.PROGRAM, program);
        } catch (CLException _) {
            // The source is at hand, so a driver that has changed costs one more build and no failure.
            if (program != null) {
                clReleaseProgram(program);
            }
            return null;
        }
    }

    private cl_program fromSource(Key key) {
        sourceBuilds++;
        return fromSource(key, 1);
    }

    private cl_program fromSource(Key key, int retries) {
        var program = clCreateProgramWithSource(context, 1, new String[] {key.source}, null, null);
        try {
            clBuildProgram(program, 0, null, key.options, null, null);
        } catch (CLException e) {
            var log = log(program);
            clReleaseProgram(program);
            if (retries > 0 && log.contains(LOST_FILE)) {
                return fromSource(key, retries - 1);
            }
            throw refused(key, log, e);
        }
        return handles.created(ClHandles.Kind.PROGRAM, program);
    }

    private DeviceException refused(Key key, String log, CLException e) {
        var first = log.lines()
                .filter(line -> line.contains("error"))
                .findFirst()
                .or(() -> log.lines().findFirst())
                .orElse("no log");
        var where = binaries.keepRefused(key.source, key.options, log)
                .map(file -> "source and log are in " + file)
                .orElse("source and log could not be written to " + binaries.folder());
        return new DeviceException(
                "%s: the driver's compiler failed with %s (options '%s'): %s; %s"
                        .formatted(device, ClErrors.name(e), key.options, first.strip(), where),
                e);
    }

    private String log(cl_program program) {
        var size = new long[1];
        clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, 0, null, size);
        var bytes = new byte[Math.toIntExact(size[0])];
        clGetProgramBuildInfo(program, id, CL_PROGRAM_BUILD_LOG, bytes.length, Pointer.to(bytes), null);
        return new String(bytes, StandardCharsets.UTF_8).replace('\0', ' ').strip();
    }

    private static byte[] binary(cl_program program) {
        var size = new long[1];
        clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, Sizeof.size_t, Pointer.to(size), null);
        var bytes = new byte[Math.toIntExact(size[0])];
        clGetProgramInfo(
                program, CL_PROGRAM_BINARIES, Sizeof.POINTER, Pointer.to(new Pointer[] {Pointer.to(bytes)}), null);
        return bytes;
    }

    @Override
    public synchronized void close() {
        for (var built : programs.values()) {
            built.functions.values().forEach(function -> release(function.handle()));
            clReleaseProgram(built.program);
            handles.released(ClHandles.Kind.PROGRAM);
        }
        programs.clear();
    }

    private void release(cl_kernel kernel) {
        clReleaseKernel(kernel);
        handles.released(ClHandles.Kind.KERNEL);
    }
}
