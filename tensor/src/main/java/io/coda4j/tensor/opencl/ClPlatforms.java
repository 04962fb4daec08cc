package io.coda4j.tensor.opencl;

import static org.jocl.CL.CL_DEVICE_NOT_FOUND;
import static org.jocl.CL.CL_DEVICE_TYPE_ALL;
import static org.jocl.CL.clGetDeviceIDs;
import static org.jocl.CL.clGetPlatformIDs;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jocl.CL;
import org.jocl.CLException;
import org.jocl.cl_device_id;
import org.jocl.cl_platform_id;

/**
 * The OpenCL devices of this machine, looked for once per process.
 *
 * @param devices in the order in which the drivers name them
 * @param reason why there is none
 */
record ClPlatforms(List<Found> devices, Optional<String> reason) {
    private static final String HINT = "install the GPU's driver, or on Debian: apt install pocl-opencl-icd";

    /** A device and the platform it belongs to. */
    record Found(cl_platform_id platform, cl_device_id device, ClInfo info) {}

    private static final class Once {
        static final ClPlatforms PROBED = probe();
    }

    /** What was found. */
    static ClPlatforms probed() {
        return Once.PROBED;
    }

    private static ClPlatforms probe() {
        var missing = ClLibrary.missing();
        if (missing.isPresent()) {
            return none(missing.get());
        }
        try {
            CL.setExceptionsEnabled(true);
            var devices = new ArrayList<Found>();
            for (var platform : platforms()) {
                for (var device : devices(platform)) {
                    devices.add(new Found(platform, device, ClInfo.of(device)));
                }
            }
            return devices.isEmpty()
                    ? none("no platform has a device")
                    : new ClPlatforms(List.copyOf(devices), Optional.empty());
        } catch (CLException e) {
            return none("no OpenCL platform answers (" + ClErrors.name(e) + ")");
        } catch (LinkageError e) {
            return none("JOCL's native library cannot be loaded (" + firstLine(e) + ")");
        }
    }

    private static ClPlatforms none(String why) {
        return new ClPlatforms(List.of(), Optional.of(why + "; " + HINT));
    }

    private static String firstLine(LinkageError e) {
        return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
    }

    private static cl_platform_id[] platforms() {
        var count = new int[1];
        clGetPlatformIDs(0, null, count);
        var platforms = new cl_platform_id[count[0]];
        clGetPlatformIDs(platforms.length, platforms, null);
        return platforms;
    }

    private static cl_device_id[] devices(cl_platform_id platform) {
        var count = new int[1];
        try {
            clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, null, count);
        } catch (CLException e) {
            if (e.getStatus() == CL_DEVICE_NOT_FOUND) {
                return new cl_device_id[0];
            }
            throw e;
        }
        var devices = new cl_device_id[count[0]];
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, devices.length, devices, null);
        return devices;
    }
}
