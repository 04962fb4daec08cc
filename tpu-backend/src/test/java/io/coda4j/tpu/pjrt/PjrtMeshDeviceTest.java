package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.testing.DeviceContract;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** The device contract on a mesh: who does not ask for a placement must not notice that there are several devices. */
class PjrtMeshDeviceTest implements DeviceContract {
    private static FakePlugin plugin;
    private static PjrtDevice device;

    @BeforeAll
    static void open(@TempDir Path folder) {
        plugin = new FakePlugin(3, CApi.MINOR, 1120);
        var options = new PjrtDevice.Options(Map.of(), new CacheFolder(folder), plugin::print);
        var mesh = Mesh.of("data", 2);
        device = PjrtDevice.open("pjrt:fake", PjrtPlugin.at("fake", plugin.api()), mesh, options);
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

    /** What a mesh adds looks at no element; the others run on one device. */
    @Override
    public List<DType> floats() {
        return List.of(DType.F32);
    }

    /** The errors of a run show when a result is read, and XLA has none for ids. */
    @Override
    public boolean checksIds() {
        return false;
    }
}
