package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import io.coda4j.tpu.testing.XlaMesh;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;

/**
 * A plugin whose programs on a mesh run on virtual devices of XLA's CPU client, which divides them: the text, the options
 * of the compiler and the parts of values are what a plugin of real devices is given.
 */
public final class XlaPlugin {
    private XlaPlugin() {}

    private static final class Plugin extends FakePlugin {
        private final Map<Compiled, Integer> numbers = new ConcurrentHashMap<>();

        Plugin() {
            super(XlaMesh.DEVICES, CApi.MINOR, 1120);
        }

        @Override
        void prepare(Loaded loaded) {
            // XLA compiles it when it first runs.
        }

        @Override
        List<List<byte[]>> runOnMesh(Loaded loaded, Placement placement, List<List<byte[]>> arguments) {
            int number = numbers.computeIfAbsent(
                    loaded.compiled, compiled -> XlaMesh.shared().compile(compiled.text(), compiled.options()));
            var types = IntStream.range(0, loaded.program().params().size())
                    .mapToObj(loaded.printed::parameter)
                    .toList();
            return XlaMesh.shared().run(number, types, arguments);
        }
    }

    /** The devices of a mesh as one. */
    public static Device open(String name, Mesh mesh) {
        var plugin = new Plugin();
        // Nothing is kept for another process.
        plugin.undefine("Executable_Serialize");
        var options = new PjrtDevice.Options(Map.of(), new CacheFolder(Path.of("target", "unused")), plugin::print);
        return PjrtDevice.open(name, PjrtPlugin.at(name, plugin.api()), mesh, options);
    }
}
