package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DeviceException;

/** Sizes of grids. */
final class ClGrid {
    private ClGrid() {}

    /**
     * Items as an unsigned number of 32 bits, which kernels divide much faster than one of 64.
     *
     * @throws DeviceException if there are more
     */
    static int count(long items) {
        if (items > 0xffffffffL) {
            throw new DeviceException("a tensor of " + items + " elements is too large for an OpenCL kernel: at most "
                    + 0xffffffffL + " are supported");
        }
        return (int) items;
    }
}
