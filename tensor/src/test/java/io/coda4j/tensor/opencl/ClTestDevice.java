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
        var tuning = new ClTuning(new ClTile(32, 32, 8), 96);
        var info = first().info();
        return open(
                with(info.version(), localMemory), ClDevice.Options.in(BINARIES).forGpus(tuning));
    }

    /** With a driver that does not keep built kernels itself. */
    static ClDevice openKeepingBinaries(Path folder) {
        return open(with("OpenCL 3.0", first().info().localMemory()), ClDevice.Options.in(folder));
    }

    /** The first device, as if its driver said other things about it. */
    private static ClPlatforms.Found with(String version, long localMemory) {
        var found = first();
        var info = found.info();
        return new ClPlatforms.Found(
                found.platform(),
                found.device(),
                new ClInfo(
                        info.name(),
                        info.vendor(),
                        info.driver(),
                        version,
                        info.isCpu(),
                        info.units(),
                        info.memory(),
                        info.largestBuffer(),
                        localMemory,
                        info.largestGroup(),
                        info.computeCapability(),
                        info.extensions()));
    }

    static ClDevice open(ClDevice.Options options) {
        return open(first(), options);
    }

    private static ClDevice open(ClPlatforms.Found found, ClDevice.Options options) {
        return ClDevice.open("opencl:0", found, options);
    }

    private static ClPlatforms.Found first() {
        var platforms = ClPlatforms.probed();
        Requirement.require("opencl", platforms.reason());
        return platforms.devices().getFirst();
    }
}
