package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.LongStream;

/** A structure of the C API in native memory, read and written by the names of its fields. */
@SuppressWarnings("restricted")
class StructView {
    /**
     * What is laid aside for a structure that this table may know in a shorter form than the plugin: fields that are
     * zero mean "not given" to it, and it has room for results that we do not read.
     */
    private static final int ROOM = 512;

    private final CApi.Struct struct;
    private final MemorySegment memory;

    StructView(CApi.Struct struct, MemorySegment memory) {
        this.struct = struct;
        this.memory = memory;
    }

    /** A new structure, all zero, with room for fields of later versions. */
    static StructView allocate(String name, Arena arena) {
        var struct = CApi.struct(name);
        return new StructView(struct, roomFor(struct, arena));
    }

    /** Memory for a structure, zero but for its {@code struct_size}. */
    static MemorySegment roomFor(CApi.Struct struct, Arena arena) {
        int size = Math.max(struct.size(), ROOM);
        var memory = arena.allocate(size, 8);
        memory.set(JAVA_LONG, 0, size);
        return memory;
    }

    /** The structure {@code index} of a new array of them, whose distance is fixed. */
    static StructView element(String name, MemorySegment array, long index) {
        var struct = CApi.struct(name);
        var element = array.asSlice(index * struct.sizeof(), struct.sizeof());
        element.set(JAVA_LONG, 0, struct.size());
        return new StructView(struct, element);
    }

    /** The structure at an address that the plugin gave. */
    static StructView at(String name, MemorySegment address) {
        var struct = CApi.struct(name);
        return new StructView(struct, address.reinterpret(struct.sizeof()));
    }

    /** Where it is. */
    MemorySegment memory() {
        return memory;
    }

    /** The structure {@code name} inside this one, with its {@code struct_size} set. */
    StructView within(String field, String name) {
        var inner = CApi.struct(name);
        var view = new StructView(inner, memory.asSlice(offset(field, CApi.Kind.STRUCT), inner.sizeof()));
        view.memory.set(JAVA_LONG, 0, inner.size());
        return view;
    }

    private int offset(String field, CApi.Kind kind) {
        var found = struct.field(field);
        if (found.kind() != kind) {
            throw new IllegalArgumentException(
                    "PJRT_" + struct.name() + "." + field + " is a " + found.kind() + ", not a " + kind);
        }
        return found.offset();
    }

    StructView put(String field, MemorySegment address) {
        memory.set(ADDRESS, offset(field, CApi.Kind.POINTER), address);
        return this;
    }

    StructView put(String field, StructView other) {
        return put(field, other.memory);
    }

    StructView put(String field, long value) {
        memory.set(JAVA_LONG, offset(field, CApi.Kind.LONG), value);
        return this;
    }

    StructView putInt(String field, int value) {
        memory.set(JAVA_INT, offset(field, CApi.Kind.INT), value);
        return this;
    }

    StructView putFloat(String field, float value) {
        memory.set(JAVA_FLOAT, offset(field, CApi.Kind.FLOAT), value);
        return this;
    }

    StructView put(String field, boolean value) {
        memory.set(JAVA_BOOLEAN, offset(field, CApi.Kind.BOOL), value);
        return this;
    }

    /** Bytes in {@code field}, their number in {@code field_size}. */
    StructView putBytes(String field, byte[] bytes, Arena arena) {
        // One byte more, so that the empty string has an address too.
        var copy = arena.allocate(bytes.length + 1L);
        MemorySegment.copy(bytes, 0, copy, JAVA_BYTE, 0, bytes.length);
        return put(field, copy).put(field + "_size", bytes.length);
    }

    /** A string in {@code field}, the number of its bytes in {@code field_size}. */
    StructView putText(String field, String text, Arena arena) {
        return putBytes(field, text.getBytes(StandardCharsets.UTF_8), arena);
    }

    MemorySegment address(String field) {
        return memory.get(ADDRESS, offset(field, CApi.Kind.POINTER));
    }

    boolean isNull(String field) {
        return address(field).address() == 0;
    }

    long number(String field) {
        return memory.get(JAVA_LONG, offset(field, CApi.Kind.LONG));
    }

    int intNumber(String field) {
        return memory.get(JAVA_INT, offset(field, CApi.Kind.INT));
    }

    float floatNumber(String field) {
        return memory.get(JAVA_FLOAT, offset(field, CApi.Kind.FLOAT));
    }

    boolean flag(String field) {
        return memory.get(JAVA_BYTE, offset(field, CApi.Kind.BOOL)) != 0;
    }

    /** A copy of {@code count} bytes at the address in {@code field}. */
    byte[] bytes(String field, long count) {
        return count == 0 ? new byte[0] : address(field).reinterpret(count).toArray(JAVA_BYTE);
    }

    /** A copy of the string in {@code field}, of {@code field_size} bytes. */
    String text(String field) {
        return new String(bytes(field, number(field + "_size")), StandardCharsets.UTF_8);
    }

    /** The {@code num_field} addresses that {@code field} points to. */
    List<MemorySegment> addresses(String field) {
        long count = number("num_" + field);
        if (count == 0) {
            return List.of();
        }
        var array = address(field).reinterpret(count * ADDRESS.byteSize());
        return LongStream.range(0, count)
                .mapToObj(i -> array.getAtIndex(ADDRESS, i))
                .toList();
    }

    /** The {@code count} integers of 8 bytes that {@code field} points to. */
    long[] longs(String field, long count) {
        return count == 0
                ? new long[0]
                : address(field).reinterpret(count * JAVA_LONG.byteSize()).toArray(JAVA_LONG);
    }
}
