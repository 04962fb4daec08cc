package io.coda4j.tensor.opencl;

import static org.jocl.CL.CL_DEVICE_EXTENSIONS;
import static org.jocl.CL.CL_DEVICE_GLOBAL_MEM_SIZE;
import static org.jocl.CL.CL_DEVICE_LOCAL_MEM_SIZE;
import static org.jocl.CL.CL_DEVICE_MAX_COMPUTE_UNITS;
import static org.jocl.CL.CL_DEVICE_MAX_MEM_ALLOC_SIZE;
import static org.jocl.CL.CL_DEVICE_MAX_WORK_GROUP_SIZE;
import static org.jocl.CL.CL_DEVICE_NAME;
import static org.jocl.CL.CL_DEVICE_TYPE;
import static org.jocl.CL.CL_DEVICE_TYPE_CPU;
import static org.jocl.CL.CL_DEVICE_VENDOR;
import static org.jocl.CL.CL_DEVICE_VERSION;
import static org.jocl.CL.CL_DRIVER_VERSION;
import static org.jocl.CL.clGetDeviceInfo;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jocl.Pointer;
import org.jocl.cl_device_id;

/**
 * What the driver says about a device.
 *
 * @param version of OpenCL and, with some drivers, of the driver
 * @param isCpu whether kernels run on the host's processors
 * @param units processors, or what the driver counts as such
 * @param memory bytes of global memory
 * @param largestBuffer bytes of the largest buffer
 * @param localMemory bytes that the items of a group share
 * @param largestGroup items
 * @param computeCapability the first number of NVIDIA's name for a generation of its GPUs, 0 for others
 */
record ClInfo(
        String name,
        String vendor,
        String driver,
        String version,
        boolean isCpu,
        long units,
        long memory,
        long largestBuffer,
        long localMemory,
        long largestGroup,
        int computeCapability,
        Set<String> extensions) {
    /** The extension that NVIDIA's drivers have, and a property that it adds, by the number of its specification. */
    private static final String NVIDIA = "cl_nv_device_attribute_query";

    private static final int CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV = 0x4000;

    static ClInfo of(cl_device_id device) {
        var extensions = Set.copyOf(List.of(text(device, CL_DEVICE_EXTENSIONS).split(" +")));
        return new ClInfo(
                text(device, CL_DEVICE_NAME),
                text(device, CL_DEVICE_VENDOR),
                text(device, CL_DRIVER_VERSION),
                text(device, CL_DEVICE_VERSION),
                (number(device, CL_DEVICE_TYPE) & CL_DEVICE_TYPE_CPU) != 0,
                number(device, CL_DEVICE_MAX_COMPUTE_UNITS),
                number(device, CL_DEVICE_GLOBAL_MEM_SIZE),
                number(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE),
                number(device, CL_DEVICE_LOCAL_MEM_SIZE),
                number(device, CL_DEVICE_MAX_WORK_GROUP_SIZE),
                extensions.contains(NVIDIA) ? (int) number(device, CL_DEVICE_COMPUTE_CAPABILITY_MAJOR_NV) : 0,
                extensions);
    }

    private static String text(cl_device_id device, int what) {
        var size = new long[1];
        clGetDeviceInfo(device, what, 0, null, size);
        var bytes = new byte[Math.toIntExact(size[0])];
        clGetDeviceInfo(device, what, bytes.length, Pointer.to(bytes), null);
        // The driver ends texts with a zero byte.
        return new String(bytes, 0, Math.max(0, bytes.length - 1), StandardCharsets.UTF_8).strip();
    }

    /** A property that is a number of 4 or 8 bytes. */
    private static long number(cl_device_id device, int what) {
        var size = new long[1];
        clGetDeviceInfo(device, what, 0, null, size);
        var value = new long[1];
        clGetDeviceInfo(device, what, size[0], Pointer.to(value), null);
        return value[0];
    }

    /** Whether this is a GPU of NVIDIA. */
    boolean isNvidia() {
        return extensions.contains(NVIDIA);
    }

    /**
     * Whether the driver keeps built kernels on disk itself. PoCL does, one for each size of a group; asked for a binary, it
     * builds all kernels of a program once more for groups of any size, which takes longer than everything else.
     */
    boolean keepsKernels() {
        return version.toLowerCase(Locale.ROOT).contains("pocl") && !"0".equals(System.getenv("POCL_KERNEL_CACHE"));
    }

    /** Whether F64 exists. */
    boolean hasDoubles() {
        return extensions.contains("cl_khr_fp64");
    }

    /** A line for people. */
    String description() {
        return String.format(
                Locale.ROOT,
                "%s, %d compute units, %.1f GiB, %s, driver %s",
                name,
                units,
                memory * 0x1p-30,
                version,
                driver);
    }
}
