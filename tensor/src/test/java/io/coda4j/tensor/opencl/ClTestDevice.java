package io.coda4j.tensor.opencl;

import io.coda4j.tensor.testing.Requirement;
import java.nio.file.Path;

/** Devices for tests, whose built programs are kept under {@code target}. */
final class ClTestDevice {
    static final Path BINARIES = Path.of("target", "opencl");

    private ClTestDevice() {}

    /** The first OpenCL device; without one the test is skipped. */
    static ClDevice open() {
        return open(ClDevice.Options.in(BINARIES));
    }

    /** With kernels for GPUs that have no more than {@code localMemory}. */
    static ClDevice openForGpus(long localMemory) {
        var platforms = ClPlatforms.probed();
        Requirement.require("opencl", platforms.reason());
        var found = platforms.devices().getFirst();
        var info = found.info();
        var smaller = new ClInfo(
                info.name(),
                info.vendor(),
                info.driver(),
                info.version(),
                info.isCpu(),
                info.units(),
                info.memory(),
                info.largestBuffer(),
                localMemory,
                info.largestGroup(),
                info.computeCapability(),
                info.extensions());
        var tuning = new ClTuning(new ClTile(32, 32, 8), 96);
        return ClDevice.open(
                "opencl:0",
                new ClPlatforms.Found(found.platform(), found.device(), smaller),
                ClDevice.Options.in(BINARIES).forGpus(tuning));
    }

    static ClDevice open(ClDevice.Options options) {
        var platforms = ClPlatforms.probed();
        Requirement.require("opencl", platforms.reason());
        return ClDevice.open("opencl:0", platforms.devices().getFirst(), options);
    }
}
