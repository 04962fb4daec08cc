package io.coda4j.tensor.opencl;

import static org.jocl.CL.CL_CONTEXT_PLATFORM;
import static org.jocl.CL.clCreateContext;
import static org.jocl.CL.clReleaseContext;

import org.jocl.cl_context;
import org.jocl.cl_context_properties;
import org.jocl.cl_device_id;

/** The context of one device: what its memory, programs and queue belong to. */
final class ClContext implements AutoCloseable {
    private final ClHandles handles;
    private final cl_context handle;

    ClContext(ClPlatforms.Found found, ClHandles handles) {
        this.handles = handles;
        var properties = new cl_context_properties();
        properties.addProperty(CL_CONTEXT_PLATFORM, found.platform());
        var ids = new cl_device_id[] {found.device()};
        this.handle =
                handles.created(ClHandles.Kind.CONTEXT, clCreateContext(properties, ids.length, ids, null, null, null));
    }

    cl_context handle() {
        return handle;
    }

    @Override
    public void close() {
        clReleaseContext(handle);
        handles.released(ClHandles.Kind.CONTEXT);
    }
}
