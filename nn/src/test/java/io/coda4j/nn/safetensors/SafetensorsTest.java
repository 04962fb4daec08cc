package io.coda4j.nn.safetensors;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.nn.json.Json;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SafetensorsTest {
    private static final Path FORWARD = Path.of("src/test/resources/fixtures/forward");

    @TempDir
    Path folder;

    private static MemorySegment bytes(int size, java.util.function.Consumer<ByteBuffer> fill) {
        var buffer = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
        fill.accept(buffer);
        return MemorySegment.ofArray(buffer.array());
    }

    @Test
    void everyStoredTypeWidensExactly() {
        var file = folder.resolve("types.safetensors");
        new SafetensorsWriter()
                .add("f32", new float[] {1.5f, -0.0f, Float.NaN}, 3)
                .add(
                        "bf16",
                        StoredType.BF16,
                        new long[] {2},
                        bytes(4, b -> b.putShort((short) 0x3FC0).putShort((short) 0xFF80)))
                .add(
                        "f16",
                        StoredType.F16,
                        new long[] {3},
                        bytes(
                                6,
                                b -> b.putShort((short) 0x3E00)
                                        .putShort((short) 1)
                                        .putShort((short) 0xFC00)))
                .add("f64", StoredType.F64, new long[] {1}, bytes(8, b -> b.putDouble(Math.PI)))
                .add(
                        "i64",
                        StoredType.I64,
                        new long[] {2},
                        bytes(16, b -> b.putLong(Long.MIN_VALUE).putLong(7)))
                .add("i32", new int[] {-1, Integer.MAX_VALUE}, 1, 2)
                .add(
                        "u8",
                        StoredType.U8,
                        new long[] {2},
                        bytes(2, b -> b.put((byte) 255).put((byte) 0)))
                .add("i8", StoredType.I8, new long[] {1}, bytes(1, b -> b.put((byte) -3)))
                .add("u16", StoredType.U16, new long[] {1}, bytes(2, b -> b.putShort((short) 65535)))
                .add("i16", StoredType.I16, new long[] {1}, bytes(2, b -> b.putShort((short) -2)))
                .add("u32", StoredType.U32, new long[] {1}, bytes(4, b -> b.putInt(-1)))
                .add("u64", StoredType.U64, new long[] {1}, bytes(8, b -> b.putLong(-1)))
                .add(
                        "bool",
                        StoredType.BOOL,
                        new long[] {2},
                        bytes(2, b -> b.put((byte) 1).put((byte) 0)))
                .write(file);
        try (var tensors = Safetensors.open(file)) {
            assertArrayEquals(new float[] {1.5f, -0.0f, Float.NaN}, tensors.floats("f32"));
            assertArrayEquals(new float[] {1.5f, Float.NEGATIVE_INFINITY}, tensors.floats("bf16"));
            assertArrayEquals(new float[] {1.5f, 0x1p-24f, Float.NEGATIVE_INFINITY}, tensors.floats("f16"));
            assertArrayEquals(new float[] {(float) Math.PI}, tensors.floats("f64"));
            assertArrayEquals(new double[] {Math.PI}, tensors.doubles("f64"));
            assertArrayEquals(new long[] {Long.MIN_VALUE, 7}, tensors.longs("i64"));
            assertArrayEquals(new int[] {-1, Integer.MAX_VALUE}, tensors.ints("i32"));
            assertArrayEquals(new float[] {255, 0}, tensors.floats("u8"));
            assertArrayEquals(new int[] {-3}, tensors.ints("i8"));
            assertArrayEquals(new int[] {65535}, tensors.ints("u16"));
            assertArrayEquals(new float[] {-2}, tensors.floats("i16"));
            assertArrayEquals(new long[] {4294967295L}, tensors.longs("u32"));
            assertArrayEquals(new int[] {1, 0}, tensors.ints("bool"));
            assertArrayEquals(new double[] {1, 0}, tensors.doubles("bool"));
            assertMessage("outside int", () -> tensors.ints("i64"));
            assertMessage("above the largest long", () -> tensors.longs("u64"));
            assertMessage("cannot be read as integers", () -> tensors.ints("f32"));
            assertMessage("cannot be read as floats", () -> tensors.floats("i32"));
            assertMessage("no tensor \"missing\" among 13 tensors", () -> tensors.floats("missing"));
        }
    }

    @Test
    void copiesARangeIntoNativeMemory() {
        var file = folder.resolve("range.safetensors");
        new SafetensorsWriter().add("w", new float[] {0, 1, 2, 3, 4, 5}, 2, 3).write(file);
        try (var tensors = Safetensors.open(file);
                var arena = Arena.ofConfined()) {
            var target = arena.allocate(16);
            tensors.copyFloats("w", 2, target, 4, 3);
            assertArrayEquals(new float[] {0, 2, 3, 4}, target.toArray(ValueLayout.JAVA_FLOAT));
            assertThrows(IndexOutOfBoundsException.class, () -> tensors.copyFloats("w", 4, target, 0, 3));
            assertThrows(IndexOutOfBoundsException.class, () -> tensors.copyFloats("w", 0, target, 8, 3));
        }
    }

    @Test
    void scalarsEmptyTensorsAndMetadataSurviveARoundTrip() {
        var file = folder.resolve("odd.safetensors");
        new SafetensorsWriter()
                .metadata("format", "pt")
                .metadata("note", "quote \" backslash \\ newline \n é 😀")
                .add("scalar", new float[] {42})
                .add("empty", new float[0], 3, 0, 5)
                .add("naïve \"name\"", new int[] {1}, 1)
                .write(file);
        try (var tensors = Safetensors.open(file)) {
            assertEquals(
                    "quote \" backslash \\ newline \n é 😀", tensors.metadata().get("note"));
            assertEquals(0, tensors.entry("scalar").shape().length);
            assertArrayEquals(new float[] {42}, tensors.floats("scalar"));
            assertArrayEquals(new long[] {3, 0, 5}, tensors.entry("empty").shape());
            assertEquals(0, tensors.floats("empty").length);
            assertArrayEquals(new int[] {1}, tensors.ints("naïve \"name\""));
        }
    }

    @Test
    void everyTensorIsAlignedToItsElementAndBytesDoNotDependOnTheOrderOfAdding() throws IOException {
        var one = folder.resolve("one.safetensors");
        var two = folder.resolve("two.safetensors");
        var odd = bytes(3, b -> b.put(new byte[] {1, 2, 3}));
        var wide = bytes(8, b -> b.putLong(9));
        new SafetensorsWriter()
                .add("a", StoredType.U8, new long[] {3}, odd)
                .add("b", StoredType.F64, new long[] {1}, wide)
                .add("c", new float[] {1}, 1)
                .write(one);
        new SafetensorsWriter()
                .add("c", new float[] {1}, 1)
                .add("b", StoredType.F64, new long[] {1}, wide)
                .add("a", StoredType.U8, new long[] {3}, odd)
                .write(two);
        assertEquals(-1, Files.mismatch(one, two));
        try (var tensors = Safetensors.open(one)) {
            for (var entry : tensors.entries().values()) {
                assertEquals(0, entry.offset() % entry.type().byteSize(), entry.toString());
            }
        }
    }

    @Test
    void viewsAreReadOnlyAndEndWithTheReader() {
        var file = folder.resolve("view.safetensors");
        new SafetensorsWriter().add("w", new float[] {1}, 1).write(file);
        var tensors = Safetensors.open(file);
        var view = tensors.bytes("w");
        assertTrue(view.isReadOnly());
        tensors.close();
        tensors.close();
        assertThrows(IllegalStateException.class, () -> view.get(ValueLayout.JAVA_BYTE, 0));
        assertThrows(IllegalStateException.class, () -> tensors.bytes("w"));
    }

    @Test
    void readsTheRecordedShardedFolderAndItsIndex() throws IOException {
        var recorded = FORWARD.resolve("bf16-sharded");
        var index = Json.parse(Files.readString(recorded.resolve(Safetensors.INDEX_FILE)))
                .asObject();
        try (var tensors = Safetensors.open(recorded);
                var byIndex = Safetensors.open(recorded.resolve(Safetensors.INDEX_FILE))) {
            var map = index.member("weight_map").asObject().members();
            assertEquals(map.keySet(), tensors.entries().keySet());
            assertEquals(map.keySet(), byIndex.entries().keySet());
            map.forEach((name, shard) -> assertEquals(
                    shard.asString(), tensors.entry(name).file().getFileName().toString()));
            assertEquals(
                    2,
                    tensors.entries().values().stream()
                            .map(Entry::file)
                            .distinct()
                            .count());
            assertTrue(tensors.entries().values().stream().allMatch(entry -> entry.type() == StoredType.BF16));
        }
    }

    @Test
    void rewritingARecordedModelKeepsEveryByteOfEveryTensor() {
        var copy = folder.resolve("copy");
        try (var original = Safetensors.open(FORWARD.resolve("bf16-sharded"))) {
            var writer = new SafetensorsWriter();
            original.entries()
                    .forEach(
                            (name, entry) -> writer.add(name, entry.type(), entry.shape(), () -> original.bytes(name)));
            writer.writeSharded(copy, 100_000);
            try (var written = Safetensors.open(copy)) {
                assertEquals(
                        original.entries().keySet().stream().sorted().toList(),
                        List.copyOf(written.entries().keySet()));
                for (var name : original.entries().keySet()) {
                    assertArrayEquals(
                            original.entry(name).shape(), written.entry(name).shape());
                    assertEquals(-1, original.bytes(name).mismatch(written.bytes(name)), name);
                }
            }
        }
    }

    @Test
    void shardsRespectTheLimitAndASmallModelNeedsNoIndex() throws IOException {
        var writer = new SafetensorsWriter()
                .add("a", new float[10], 10)
                .add("b", new float[10], 10)
                .add("c", new float[30], 30)
                .add("d", new float[1], 1);
        writer.writeSharded(folder.resolve("many"), 80);
        try (var tensors = Safetensors.open(folder.resolve("many"))) {
            assertEquals(
                    List.of(
                            "model-00001-of-00003.safetensors", "model-00001-of-00003.safetensors",
                            "model-00002-of-00003.safetensors", "model-00003-of-00003.safetensors"),
                    List.of("a", "b", "c", "d").stream()
                            .map(name ->
                                    tensors.entry(name).file().getFileName().toString())
                            .toList());
        }
        writer.writeSharded(folder.resolve("single"), 1000);
        try (var files = Files.list(folder.resolve("single"))) {
            assertEquals(
                    List.of("model.safetensors"),
                    files.map(file -> file.getFileName().toString()).toList());
        }
    }

    @Test
    void metadataTotalSizeCountsTensorBytes() throws IOException {
        new SafetensorsWriter()
                .add("a", new float[10], 10)
                .add("b", new float[5], 5)
                .writeSharded(folder, 40);
        var index = Json.parse(Files.readString(folder.resolve(Safetensors.INDEX_FILE)))
                .asObject();
        assertEquals(
                60, index.member("metadata").asObject().member("total_size").asLong());
    }

    @Test
    void writesMoreThanOneBufferOfData() {
        var file = folder.resolve("big.safetensors");
        long count = (1 << 18) + 12_345;
        var values = new float[(int) count];
        LongStream.range(0, count).forEach(i -> values[(int) i] = i);
        new SafetensorsWriter().add("w", values, count).write(file);
        try (var tensors = Safetensors.open(file)) {
            assertArrayEquals(values, tensors.floats("w"));
        }
    }

    private static void assertMessage(String part, Runnable action) {
        var e = assertThrows(SafetensorsException.class, action::run);
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }
}
