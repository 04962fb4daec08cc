package io.coda4j.tpu.pjrt;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/** The functions and structures of the PJRT C API: the table {@code c-api.txt}, from which all calls are made. */
final class CApi {
    /** The version that the table describes. */
    static final int MAJOR = 0;

    static final int MINOR = 104;

    /** The least minor version whose {@code PJRT_Api} has this order of functions. */
    static final int LEAST_MINOR = 57;

    static final int MAJOR_OFFSET = 32;
    static final int MINOR_OFFSET = 36;
    private static final int FUNCTIONS_OFFSET = 40;

    private static final Map<String, Struct> STRUCTS = read();

    private CApi() {}

    /** What a field holds. */
    enum Kind {
        POINTER(8),
        LONG(8),
        INT(4),
        FLOAT(4),
        BOOL(1),
        STRUCT(0);

        private final int bytes;

        Kind(int bytes) {
            this.bytes = bytes;
        }

        private static Kind of(char letter) {
            return switch (letter) {
                case 'p' -> POINTER;
                case 'l' -> LONG;
                case 'i' -> INT;
                case 'f' -> FLOAT;
                case 'b' -> BOOL;
                case 's' -> STRUCT;
                default -> throw new IllegalStateException("c-api.txt: no kind of field is called " + letter);
            };
        }
    }

    /** A field, {@code offset} bytes from the start of its structure. */
    record Field(String name, Kind kind, int offset) {}

    /**
     * A structure: the arguments of a function, or another.
     *
     * @param slot bytes from the start of {@code PJRT_Api} to the function's address; -1 without a function
     * @param size the offset of the end of the last field: what plugins compare {@code struct_size} with
     * @param sizeof the size in C, and so the distance of elements of an array
     */
    record Struct(String name, int slot, int size, int sizeof, Map<String, Field> fields) {
        Field field(String field) {
            return Objects.requireNonNull(fields.get(field), () -> "PJRT_" + name + " has no field " + field);
        }
    }

    /** The arguments of function {@code PJRT_NAME}, or structure {@code PJRT_NAME}. */
    static Struct struct(String name) {
        return Objects.requireNonNull(STRUCTS.get(name), () -> "the PJRT C API has no " + name);
    }

    /** Everything in the table by name. */
    static Map<String, Struct> structs() {
        return STRUCTS;
    }

    private static Map<String, Struct> read() {
        var structs = new LinkedHashMap<String, Struct>();
        try (var in = Objects.requireNonNull(CApi.class.getResourceAsStream("c-api.txt"), "c-api.txt");
                var reader = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            reader.lines()
                    .filter(line -> !line.startsWith("#"))
                    .map(CApi::parse)
                    .forEach(struct -> structs.put(struct.name, struct));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return structs;
    }

    private static Struct parse(String line) {
        var words = line.split(" ");
        var fields = new LinkedHashMap<String, Field>();
        int size = 16;
        for (int i = 2; i < words.length; i++) {
            int colon = words[i].indexOf(':');
            var kind = Kind.of(words[i].charAt(colon + 1));
            var place = words[i].substring(colon + 2).split("/");
            var field = new Field(words[i].substring(0, colon), kind, Integer.parseInt(place[0]));
            fields.put(field.name, field);
            size = Math.max(size, field.offset + (place.length > 1 ? Integer.parseInt(place[1]) : kind.bytes));
        }
        int slot = words[0].equals("-") ? -1 : FUNCTIONS_OFFSET + 8 * Integer.parseInt(words[0]);
        return new Struct(words[1], slot, size, (size + 7) / 8 * 8, Map.copyOf(fields));
    }
}
