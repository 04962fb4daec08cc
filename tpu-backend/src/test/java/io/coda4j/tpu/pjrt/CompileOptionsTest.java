package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class CompileOptionsTest {
    @Test
    void oneDeviceIsOneCopyInOnePart() {
        assertArrayEquals(
                HexFormat.ofDelimiter(" ")
                        .parseHex("1a 1e 08 ff ff ff ff ff ff ff ff ff 01 20 01 28 01 30 01 4a 08"
                                + " 08 01 10 01 1a 02 08 07 98 01 01"),
                CompileOptions.onDevice(7).toBytes());
    }

    @Test
    void devicesAreListedPartByPart() {
        var options = new CompileOptions(2, 3, List.of(10L, 11L, 12L, 20L, 21L, 300L), new TreeMap<>());
        var build = new ProtoReader(new ProtoReader(options.toBytes()).message(3));
        assertEquals(-1, build.number(1));
        assertEquals(2, build.number(4));
        assertEquals(3, build.number(5));
        assertEquals(1, build.number(6), "partitioned by SPMD");
        assertEquals(1, build.number(19), "by Shardy");
        var assignment = new ProtoReader(build.message(9));
        assertEquals(2, assignment.number(1));
        assertEquals(3, assignment.number(2));
        assertEquals(
                List.of(List.of(10L, 20L), List.of(11L, 21L), List.of(12L, 300L)),
                assignment.messages(3).stream()
                        .map(part -> new ProtoReader(part).numbers(1))
                        .toList());
    }

    @Test
    void flagsOfTheCompilerKeepTheirTypes() {
        var flags = new TreeMap<String, PjrtAttribute>();
        flags.put("a_bool", new PjrtAttribute.Flag(true));
        flags.put("b_int", new PjrtAttribute.Whole(-3));
        flags.put("c_text", new PjrtAttribute.Text("x"));
        flags.put("d_real", new PjrtAttribute.Real(0.5f));
        var message = new ProtoReader(new CompileOptions(1, 1, List.of(0L), flags).toBytes());
        var entries = message.messages(7).stream().map(ProtoReader::new).toList();
        assertEquals(
                List.copyOf(flags.keySet()),
                entries.stream()
                        .map(entry -> new String(entry.message(1), StandardCharsets.UTF_8))
                        .toList());
        var values =
                entries.stream().map(entry -> new ProtoReader(entry.message(2))).toList();
        assertEquals(1, values.get(0).number(2));
        assertEquals(-3, values.get(1).number(3));
        assertEquals("x", new String(values.get(2).message(1), StandardCharsets.UTF_8));
        assertEquals(
                0.5,
                ByteBuffer.wrap(values.get(3).message(4))
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .getDouble());
    }

    @Test
    void eachCopyNeedsItsDevices() {
        assertThrows(IllegalArgumentException.class, () -> new CompileOptions(2, 2, List.of(0L, 1L), new TreeMap<>()));
        assertEquals(List.of(0L, 1L, 2L, 3L), CompileOptions.partitioned(4).devices());
    }
}
