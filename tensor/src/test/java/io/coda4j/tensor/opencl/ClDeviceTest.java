package io.coda4j.tensor.opencl;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.testing.DeviceContract;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class ClDeviceTest implements DeviceContract {
    private static ClDevice device;

    @BeforeAll
    static void open() {
        device = ClTestDevice.open();
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    @Override
    public int every() {
        return SOME;
    }

    @Override
    public Device subject() {
        return device;
    }

    /** Kernels run while the host goes on, and none can stop the others. */
    @Override
    public boolean checksIds() {
        return false;
    }
}
