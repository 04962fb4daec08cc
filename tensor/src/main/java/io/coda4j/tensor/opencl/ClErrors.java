package io.coda4j.tensor.opencl;

import static org.jocl.CL.CL_MEM_OBJECT_ALLOCATION_FAILURE;
import static org.jocl.CL.CL_OUT_OF_HOST_MEMORY;
import static org.jocl.CL.CL_OUT_OF_RESOURCES;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.DeviceMemoryException;
import org.jocl.CL;
import org.jocl.CLException;

/** What went wrong in the driver, in words. */
final class ClErrors {
    private ClErrors() {}

    /** An exception that says which device failed at what, with the name of the error. */
    static DeviceException failure(String device, String doing, CLException e) {
        var message = device + ": " + doing + " failed with " + name(e);
        return isOutOfMemory(e) ? new DeviceMemoryException(message, e) : new DeviceException(message, e);
    }

    /** The name of the error, such as {@code CL_OUT_OF_RESOURCES}. */
    static String name(CLException e) {
        return CL.stringFor_errorCode(e.getStatus());
    }

    /** Whether the driver had no memory for what was asked. */
    private static boolean isOutOfMemory(CLException e) {
        int status = e.getStatus();
        return status == CL_MEM_OBJECT_ALLOCATION_FAILURE
                || status == CL_OUT_OF_RESOURCES
                || status == CL_OUT_OF_HOST_MEMORY;
    }
}
