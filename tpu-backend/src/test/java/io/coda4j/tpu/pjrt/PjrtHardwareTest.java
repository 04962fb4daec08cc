package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.testing.DeviceContract;
import io.coda4j.tensor.testing.Requirement;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** The device contract on a TPU or GPU, where this machine has one and a plugin for it. */
class PjrtHardwareTest implements DeviceContract {
    private static Device device;

    @BeforeAll
    static void open() {
        var provider = new PjrtDeviceProvider();
        Requirement.require("pjrt", provider.unusableBecause());
        device = provider.open("");
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

    /** XLA has no errors for ids. */
    @Override
    public boolean checksIds() {
        return false;
    }
}
