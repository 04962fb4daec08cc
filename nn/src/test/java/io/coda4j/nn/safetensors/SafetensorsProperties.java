package io.coda4j.nn.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class SafetensorsProperties {

    private record Stored(StoredType type, long[] shape, byte[] bytes) {}

    private static Map<String, Stored> model(int tensors, Random random) {
        var model = new LinkedHashMap<String, Stored>();
        for (int i = 0; i < tensors; i++) {
            var type = StoredType.values()[random.nextInt(StoredType.values().length)];
            long[] shape = random.longs(random.nextInt(4), 0, 6).toArray();
            var bytes = new byte[(int) Arrays.stream(shape).reduce(type.byteSize(), (a, b) -> a * b)];
            random.nextBytes(bytes);
            model.put("layer." + random.nextInt() + "." + i, new Stored(type, shape, bytes));
        }
        return model;
    }

    private static SafetensorsWriter writer(Map<String, Stored> model) {
        var writer = new SafetensorsWriter();
        model.forEach((name, stored) ->
                writer.add(name, stored.type(), stored.shape(), MemorySegment.ofArray(stored.bytes())));
        return writer;
    }

    @Property(tries = 60)
    void whatIsWrittenIsRead(
            @ForAll @IntRange(min = 0, max = 12) int tensors,
            @ForAll @IntRange(min = 1, max = 2000) int maxShardBytes,
            @ForAll long seed)
            throws IOException {
        var model = model(tensors, new Random(seed));
        var folder = Files.createTempDirectory("safetensors");
        try {
            writer(model).writeSharded(folder, maxShardBytes);
            try (var read = Safetensors.open(folder)) {
                assertEquals(model.keySet(), read.entries().keySet());
                model.forEach((name, stored) -> {
                    assertEquals(stored.type(), read.entry(name).type());
                    assertArrayEquals(stored.shape(), read.entry(name).shape());
                    assertEquals(-1, MemorySegment.ofArray(stored.bytes()).mismatch(read.bytes(name)));
                });
            }
        } finally {
            delete(folder);
        }
    }

    /** Damage is either harmless (data, a name) or reported; it never surfaces as another exception. */
    @Property(tries = 1000)
    void aDamagedByteIsReportedOrHarmless(@ForAll long seed) throws IOException {
        var random = new Random(seed);
        var folder = Files.createTempDirectory("safetensors");
        try {
            var file = folder.resolve("damaged.safetensors");
            writer(model(3, random)).write(file);
            byte[] bytes = Files.readAllBytes(file);
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            Files.write(file, bytes);
            try (var read = Safetensors.open(file)) {
                long total = 0;
                for (var entry : read.entries().values()) {
                    total += read.bytes(entry.name()).byteSize();
                }
                assertTrue(total < bytes.length);
            } catch (SafetensorsException e) {
                assertTrue(e.getMessage().startsWith(file.toString()), e.getMessage());
            }
        } finally {
            delete(folder);
        }
    }

    private static void delete(Path folder) throws IOException {
        try (var files = Files.list(folder)) {
            for (var file : files.toList()) {
                Files.delete(file);
            }
        }
        Files.delete(folder);
    }
}
