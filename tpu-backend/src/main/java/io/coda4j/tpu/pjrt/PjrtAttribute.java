package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.io.Serializable;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/** The value of a named option or property: {@code PJRT_NamedValue}. */
@SuppressWarnings("restricted")
sealed interface PjrtAttribute extends Serializable {
    /** A string. */
    record Text(String value) implements PjrtAttribute {
        @Override
        public String toString() {
            return value;
        }
    }

    /** An integer. */
    record Whole(long value) implements PjrtAttribute {
        @Override
        public String toString() {
            return Long.toString(value);
        }
    }

    /** A list of integers. */
    record Wholes(List<Long> values) implements PjrtAttribute {
        /** A list with an immutable copy. */
        public Wholes {
            values = List.copyOf(values);
        }

        @Override
        public String toString() {
            return values.toString();
        }
    }

    /** A float. */
    record Real(float value) implements PjrtAttribute {
        @Override
        public String toString() {
            return Float.toString(value);
        }
    }

    /** A boolean. */
    record Flag(boolean value) implements PjrtAttribute {
        @Override
        public String toString() {
            return Boolean.toString(value);
        }
    }

    /** How the C API numbers the kinds. */
    int TEXT = 0;

    int WHOLE = 1;
    int WHOLES = 2;
    int REAL = 3;
    int FLAG = 4;

    /** An array of {@code PJRT_NamedValue}. */
    static MemorySegment array(Map<String, PjrtAttribute> attributes, Arena arena) {
        var array = arena.allocate((long) CApi.struct("NamedValue").sizeof() * Math.max(1, attributes.size()), 8);
        int index = 0;
        for (var attribute : attributes.entrySet()) {
            var named = StructView.element("NamedValue", array, index++);
            named.putText("name", attribute.getKey(), arena).put("value_size", 1L);
            write(attribute.getValue(), named, arena);
        }
        return array;
    }

    private static void write(PjrtAttribute attribute, StructView named, Arena arena) {
        switch (attribute) {
            case Text(var value) -> {
                var bytes = arena.allocateFrom(value);
                named.putInt("type", TEXT).put("string_value", bytes).put("value_size", bytes.byteSize() - 1);
            }
            case Whole(long value) -> named.putInt("type", WHOLE).put("int64_value", value);
            case Wholes(var values) -> {
                var numbers = values.stream().mapToLong(Long::longValue).toArray();
                named.putInt("type", WHOLES)
                        .put("int64_array_value", arena.allocateFrom(JAVA_LONG, numbers))
                        .put("value_size", (long) numbers.length);
            }
            case Real(float value) -> named.putInt("type", REAL).putFloat("float_value", value);
            case Flag(boolean value) -> named.putInt("type", FLAG).put("bool_value", value);
        }
    }

    /** What {@code count} elements of an array of {@code PJRT_NamedValue} say; kinds of later versions are left out. */
    static SequencedMap<String, PjrtAttribute> read(MemorySegment array, long count) {
        var attributes = new LinkedHashMap<String, PjrtAttribute>();
        int stride = CApi.struct("NamedValue").sizeof();
        for (long i = 0; i < count; i++) {
            var named = StructView.at(
                    "NamedValue", array.reinterpret(stride * count).asSlice(i * stride));
            switch (named.intNumber("type")) {
                case TEXT ->
                    attributes.put(
                            named.text("name"),
                            new Text(new String(
                                    named.bytes("string_value", named.number("value_size")),
                                    java.nio.charset.StandardCharsets.UTF_8)));
                case WHOLE -> attributes.put(named.text("name"), new Whole(named.number("int64_value")));
                case WHOLES -> {
                    var values = named.longs("int64_array_value", named.number("value_size"));
                    attributes.put(
                            named.text("name"),
                            new Wholes(Arrays.stream(values).boxed().toList()));
                }
                case REAL -> attributes.put(named.text("name"), new Real(named.floatNumber("float_value")));
                case FLAG -> attributes.put(named.text("name"), new Flag(named.flag("bool_value")));
                default -> {
                    // Of a later version.
                }
            }
        }
        return attributes;
    }
}
