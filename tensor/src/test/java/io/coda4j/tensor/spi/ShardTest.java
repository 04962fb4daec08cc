package io.coda4j.tensor.spi;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ShardTest {
    private static final Mesh MESH = Mesh.parse("data=2,fsdp=3,tensor=2");

    private static int[] cut(TensorType type, List<String> split, int device) {
        var shard = Shard.all(MESH, type, split).get(device);
        var part = new int[Math.toIntExact(shard.type().size())];
        var value = IntStream.range(0, Math.toIntExact(type.size())).toArray();
        shard.cut(MemorySegment.ofArray(value), MemorySegment.ofArray(part));
        return part;
    }

    /** Device 7 is at data=1, fsdp=0, tensor=1. */
    @Test
    void devicesAreNumberedAlongTheLastAxisFirst() {
        var type = TensorType.i32(6, 4);
        assertArrayEquals(
                new int[] {12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}, cut(type, List.of("data", ""), 7));
        assertArrayEquals(new int[] {2, 3, 6, 7}, cut(type, List.of("fsdp", "tensor"), 7));
        assertArrayEquals(new int[] {12, 13, 14, 15}, cut(type, List.of("data+fsdp", ""), 7));
        assertArrayEquals(new int[] {4, 5, 6, 7}, cut(type, List.of("fsdp+data", ""), 7));
        assertArrayEquals(IntStream.range(0, 24).toArray(), cut(type, List.of("", ""), 7));
        assertEquals(1, MESH.part("data", 7));
        assertEquals(3, MESH.part("data+fsdp", 7));
        assertEquals(6, MESH.parts("data+fsdp"));
    }

    @Test
    void partsPutTogetherAreTheValue() {
        var type = TensorType.i32(2, 6, 1, 4, 3);
        var split = List.of("tensor", "fsdp", "", "data", "");
        var whole = new int[Math.toIntExact(type.size())];
        Arrays.fill(whole, -1);
        for (int device = 0; device < MESH.devices(); device++) {
            Shard.all(MESH, type, split)
                    .get(device)
                    .paste(MemorySegment.ofArray(cut(type, split, device)), MemorySegment.ofArray(whole));
        }
        assertArrayEquals(IntStream.range(0, whole.length).toArray(), whole);
    }

    @Test
    void aPartThatIsOneRunNeedsNoCopy() {
        var type = TensorType.i32(6, 4);
        assertEquals(
                OptionalLong.of(48),
                Shard.all(MESH, type, List.of("data", "")).get(7).contiguousAt());
        assertEquals(
                OptionalLong.empty(),
                Shard.all(MESH, type, List.of("", "tensor")).get(7).contiguousAt());
        assertEquals(
                OptionalLong.of(8),
                Shard.all(MESH, TensorType.i32(1, 4), List.of("", "tensor"))
                        .get(7)
                        .contiguousAt());
        assertEquals(
                OptionalLong.of(0),
                Shard.all(MESH, TensorType.i32(), List.of()).get(7).contiguousAt());
        assertEquals(
                6,
                Shard.all(MESH, type, List.of("data+fsdp", "")).stream()
                        .distinct()
                        .count());
    }

    @Test
    void unequalPartsAreErrors() {
        var error = assertThrows(
                IllegalArgumentException.class, () -> Shard.all(MESH, TensorType.i32(9), List.of("data+fsdp")));
        assertTrue(error.getMessage().contains("data+fsdp=6 does not divide"), error::getMessage);
        var twice = assertThrows(
                IllegalArgumentException.class,
                () -> Shard.all(MESH, TensorType.i32(6, 6), List.of("data+fsdp", "fsdp")));
        assertTrue(twice.getMessage().contains("'fsdp' can split only one axis"), twice::getMessage);
    }
}
