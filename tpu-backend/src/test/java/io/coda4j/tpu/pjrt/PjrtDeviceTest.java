package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.testing.DeviceContract;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** The device contract through a plugin that computes on the CPU: what can go wrong is the binding. */
class PjrtDeviceTest implements DeviceContract {
    private static FakePlugin plugin;
    private static PjrtDevice device;

    @BeforeAll
    static void open(@TempDir Path folder) {
        plugin = new FakePlugin();
        var options = new PjrtDevice.Options(Map.of(), new CacheFolder(folder), plugin::print);
        device = PjrtDevice.open("pjrt:fake", PjrtPlugin.at("fake", plugin.api()), 0, options);
    }

    @AfterAll
    static void close() {
        device.close();
        assertEquals(List.of(), plugin.violations());
        assertEquals(List.of(), plugin.leaks());
        plugin.close();
    }

    @Override
    public int every() {
        return SOME;
    }

    @Override
    public Device subject() {
        return device;
    }

    /** The errors of a run show when a result is read, and XLA has none for ids. */
    @Override
    public boolean checksIds() {
        return false;
    }
}
