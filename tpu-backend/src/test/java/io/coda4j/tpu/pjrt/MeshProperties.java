package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Mesh;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

/** Values of any shape on any mesh: each device has the part that it should, and the parts make the value again. */
class MeshProperties {
    private static final List<String> NAMES = List.of("a", "b", "c");

    private static Mesh mesh(Random random) {
        var axes = new LinkedHashMap<String, Integer>();
        NAMES.subList(0, 1 + random.nextInt(NAMES.size())).forEach(name -> axes.put(name, 1 + random.nextInt(3)));
        return new Mesh(axes);
    }

    /** Each mesh axis cuts one axis of the value, or none; the same axis may be cut by several. */
    private static List<String> split(Random random, Mesh mesh, int rank) {
        var cuts = new String[rank];
        Arrays.fill(cuts, "");
        var names = new ArrayList<>(mesh.axes().keySet());
        java.util.Collections.shuffle(names, random);
        for (var name : names) {
            int axis = random.nextInt(rank + 1);
            if (axis < rank) {
                cuts[axis] += (cuts[axis].isEmpty() ? "" : "+") + name;
            }
        }
        return List.of(cuts);
    }

    private static TensorType type(Random random, Mesh mesh, List<String> split) {
        var dims = split.stream()
                .mapToInt(cut -> mesh.parts(cut) * (1 + random.nextInt(4)))
                .toArray();
        return TensorType.of(DType.values()[random.nextInt(DType.values().length)], dims);
    }

    @Property(tries = 150)
    void partsAreWhatTheSplitSaysAndMakeTheValueAgain(@ForAll long seed) {
        var random = new Random(seed);
        var mesh = mesh(random);
        var split = split(random, mesh, random.nextInt(5));
        var type = type(random, mesh, split);
        var value = new byte[Math.toIntExact(type.byteSize())];
        random.nextBytes(value);
        var fake = new FakePlugin(mesh.devices(), CApi.MINOR, 1120);
        var options = new PjrtDevice.Options(Map.of(), new CacheFolder(Path.of("target", "unused")), fake::print);
        try (var device = PjrtDevice.open("pjrt:fake", PjrtPlugin.at("fake", fake.api()), mesh, options);
                var arena = Arena.ofConfined()) {
            var host = random.nextBoolean()
                    ? MemorySegment.ofArray(value.clone())
                    : arena.allocateFrom(ValueLayout.JAVA_BYTE, value);
            try (var buffer = device.upload(type, host, split)) {
                var expected = new MeshParts(mesh, type, split).cut(value);
                for (int number = 0; number < mesh.devices(); number++) {
                    assertArrayEquals(expected.get(number), part(fake, number), "device " + number);
                }
                var heap = MemorySegment.ofArray(new byte[value.length]);
                buffer.download(heap);
                assertArrayEquals(value, heap.toArray(ValueLayout.JAVA_BYTE));
                var nativeMemory = arena.allocate(value.length + 8L);
                buffer.download(nativeMemory);
                assertArrayEquals(value, nativeMemory.asSlice(0, value.length).toArray(ValueLayout.JAVA_BYTE));
                assertEquals(0, nativeMemory.get(ValueLayout.JAVA_LONG_UNALIGNED, value.length));
            }
        }
        assertEquals(List.of(), fake.violations());
        assertEquals(List.of(), fake.leaks());
        fake.close();
    }

    private static byte[] part(FakePlugin fake, int device) {
        var value = fake.live().stream()
                .filter(FakePlugin.Value.class::isInstance)
                .map(FakePlugin.Value.class::cast)
                .filter(each -> each.device == device)
                .findFirst()
                .orElseThrow();
        return FakePlugin.rowMajor(value.type, value.bytes.join());
    }
}
