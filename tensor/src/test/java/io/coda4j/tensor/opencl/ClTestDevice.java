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

    static ClDevice open(ClDevice.Options options) {
        var platforms = ClPlatforms.probed();
        Requirement.require("opencl", platforms.reason());
        return ClDevice.open("opencl:0", platforms.devices().getFirst(), options);
    }
}
