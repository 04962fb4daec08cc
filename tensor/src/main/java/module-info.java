/** Primitives, interpreters, programs, devices, and the kernels of the CPU and of OpenCL. */
module io.coda4j.tensor {
    requires static transitive org.jspecify;
    requires jdk.incubator.vector;
    requires jocl;

    exports io.coda4j.tensor;
    exports io.coda4j.tensor.cpu;
    exports io.coda4j.tensor.exec;
    exports io.coda4j.tensor.opencl;
    exports io.coda4j.tensor.spi;

    uses io.coda4j.tensor.spi.AheadOfTime;
    uses io.coda4j.tensor.spi.DeviceProvider;

    provides io.coda4j.tensor.spi.DeviceProvider with
            io.coda4j.tensor.cpu.CpuDeviceProvider,
            io.coda4j.tensor.opencl.ClDeviceProvider;
}
