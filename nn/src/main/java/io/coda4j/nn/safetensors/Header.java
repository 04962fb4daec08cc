package io.coda4j.nn.safetensors;

import io.coda4j.nn.json.Json;
import io.coda4j.nn.json.JsonException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.Set;

/** The checked header of one file: every tensor lies inside the file and the tensors tile its data exactly. */
record Header(SequencedMap<String, Entry> entries, SequencedMap<String, String> metadata) {
    static final String METADATA = "__metadata__";
    static final int LENGTH_BYTES = 8;

    /** Above this the length is taken for damage: the largest models have headers of a few megabytes. */
    static final long MAX_HEADER = 100_000_000;

    static final ValueLayout.OfLong LITTLE_LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private static final Set<String> FIELDS = Set.of("dtype", "shape", "data_offsets");

    static Header parse(Path file, MemorySegment bytes) {
        long length = headerLength(file, bytes);
        var root = json(file, bytes.asSlice(LENGTH_BYTES, length));
        long dataStart = LENGTH_BYTES + length;
        var entries = new ArrayList<Entry>();
        SequencedMap<String, String> metadata = new LinkedHashMap<>();
        for (var member : root.members().entrySet()) {
            if (member.getKey().equals(METADATA)) {
                metadata = metadata(file, member.getValue());
            } else {
                entries.add(entry(file, member.getKey(), member.getValue(), dataStart));
            }
        }
        entries.sort(Comparator.comparingLong(Entry::offset).thenComparingLong(Entry::byteSize));
        requireTiling(file, entries, dataStart, bytes.byteSize());
        var byName = new LinkedHashMap<String, Entry>();
        entries.forEach(entry -> byName.put(entry.name(), entry));
        return new Header(Collections.unmodifiableSequencedMap(byName), Collections.unmodifiableSequencedMap(metadata));
    }

    private static long headerLength(Path file, MemorySegment bytes) {
        long size = bytes.byteSize();
        if (size == 0) {
            throw new SafetensorsException(file, "the file is empty; download or write it again");
        }
        if (size < LENGTH_BYTES) {
            throw new SafetensorsException(
                    file,
                    "truncated: a safetensors file starts with an 8-byte header length, the file has " + size
                            + " bytes");
        }
        long length = bytes.get(LITTLE_LONG, 0);
        if (length < 0 || length > MAX_HEADER) {
            throw new SafetensorsException(
                    file,
                    "header length " + Long.toUnsignedString(length) + " is above the limit of " + MAX_HEADER
                            + " bytes; this is not a safetensors file");
        }
        if (length > size - LENGTH_BYTES) {
            throw new SafetensorsException(
                    file,
                    "truncated: the header should have " + length + " bytes, the file has " + (size - LENGTH_BYTES)
                            + " after the header length");
        }
        return length;
    }

    private static Json.Obj json(Path file, MemorySegment header) {
        try {
            var decoder = StandardCharsets.UTF_8.newDecoder();
            return Json.parse(decoder.decode(header.asByteBuffer()).toString()).asObject();
        } catch (CharacterCodingException e) {
            throw new SafetensorsException(file, "the header is not valid UTF-8", e);
        } catch (JsonException e) {
            throw new SafetensorsException(file, "the header is not valid JSON: " + e.getMessage(), e);
        }
    }

    private static SequencedMap<String, String> metadata(Path file, Json value) {
        try {
            var metadata = new LinkedHashMap<String, String>();
            value.asObject().members().forEach((key, text) -> metadata.put(key, text.asString()));
            return metadata;
        } catch (JsonException e) {
            throw new SafetensorsException(file, METADATA + " must map strings to strings: " + e.getMessage(), e);
        }
    }

    private static Entry entry(Path file, String name, Json value, long dataStart) {
        try {
            var fields = value.asObject();
            for (var field : fields.members().keySet()) {
                if (!FIELDS.contains(field)) {
                    throw new JsonException("unknown field \"" + field + "\", expected dtype, shape and data_offsets");
                }
            }
            var type = type(fields.member("dtype").asString());
            long[] shape = shape(fields.member("shape").asList());
            var offsets = fields.member("data_offsets").asList();
            if (offsets.size() != 2) {
                throw new JsonException("data_offsets has " + offsets.size() + " numbers, expected [begin, end]");
            }
            long begin = offsets.get(0).asLong();
            long end = offsets.get(1).asLong();
            requireSize(type, shape, begin, end);
            Math.addExact(dataStart, end);
            return new Entry(name, type, shape, file, dataStart + begin, end - begin);
        } catch (JsonException e) {
            throw new SafetensorsException(file, "tensor \"" + name + "\": " + e.getMessage(), e);
        } catch (ArithmeticException e) {
            throw new SafetensorsException(file, "tensor \"" + name + "\": its end is beyond 2^63 bytes", e);
        }
    }

    private static StoredType type(String label) {
        return StoredType.of(label)
                .orElseThrow(() -> new JsonException("unsupported dtype \"" + label + "\", expected one of "
                        + Arrays.toString(StoredType.values())));
    }

    private static long[] shape(List<Json> dimensions) {
        long[] shape = new long[dimensions.size()];
        for (int i = 0; i < shape.length; i++) {
            shape[i] = dimensions.get(i).asLong();
            if (shape[i] < 0) {
                throw new JsonException("dimension " + i + " of the shape is negative: " + shape[i]);
            }
        }
        return shape;
    }

    private static void requireSize(StoredType type, long[] shape, long begin, long end) {
        if (begin < 0 || end < begin) {
            throw new JsonException("data_offsets [" + begin + ", " + end + "] are not a range");
        }
        long expected = byteSize(type, shape);
        if (end - begin != expected) {
            throw new JsonException("shape " + Arrays.toString(shape) + " of " + type + " needs " + expected
                    + " bytes, data_offsets [" + begin + ", " + end + "] give " + (end - begin));
        }
    }

    /** Bytes of a tensor; a {@link JsonException} if they do not fit a long. */
    static long byteSize(StoredType type, long[] shape) {
        if (Arrays.stream(shape).anyMatch(dimension -> dimension == 0)) {
            return 0;
        }
        try {
            return Arrays.stream(shape).reduce(type.byteSize(), Math::multiplyExact);
        } catch (ArithmeticException e) {
            throw new JsonException("shape " + Arrays.toString(shape) + " of " + type + " overflows 2^63 bytes");
        }
    }

    /** The format wants neither gaps nor overlaps nor bytes after the last tensor. */
    private static void requireTiling(Path file, List<Entry> sorted, long dataStart, long fileSize) {
        long end = dataStart;
        var previous = "the header";
        for (var entry : sorted) {
            if (entry.offset() != end) {
                var what = entry.offset() < end
                        ? "overlaps "
                        : "leaves a hole of " + (entry.offset() - end) + " bytes after ";
                throw new SafetensorsException(
                        file,
                        "tensor \"" + entry.name() + "\" " + what + previous + ": it begins at data offset "
                                + (entry.offset() - dataStart) + ", expected " + (end - dataStart));
            }
            end += entry.byteSize();
            previous = "tensor \"" + entry.name() + "\"";
            if (end > fileSize) {
                throw new SafetensorsException(
                        file,
                        "truncated: " + previous + " ends at data offset " + (end - dataStart) + ", the file has "
                                + (fileSize - dataStart) + " bytes of data");
            }
        }
        if (end != fileSize) {
            throw new SafetensorsException(
                    file, (fileSize - end) + " bytes after " + previous + " belong to no tensor");
        }
    }

    /** Header bytes (length prefix included) for tensors laid out in the order of {@code sources}. */
    static byte[] print(List<TensorSource> sources, Map<String, String> metadata) {
        var members = new LinkedHashMap<String, Json>();
        if (!metadata.isEmpty()) {
            var texts = new LinkedHashMap<String, Json>();
            metadata.forEach((key, text) -> texts.put(key, new Json.Str(text)));
            members.put(METADATA, new Json.Obj(texts));
        }
        long at = 0;
        for (var source : sources) {
            var fields = new LinkedHashMap<String, Json>();
            fields.put("dtype", new Json.Str(source.type().name()));
            fields.put("shape", numbers(source.shape()));
            fields.put("data_offsets", numbers(at, at + source.byteSize()));
            members.put(source.name(), new Json.Obj(fields));
            at += source.byteSize();
        }
        byte[] text = new Json.Obj(members).toText().getBytes(StandardCharsets.UTF_8);
        // Spaces pad the header so that the data begins at a multiple of 8.
        int padded = (text.length + 7) / 8 * 8;
        byte[] bytes = new byte[LENGTH_BYTES + padded];
        Arrays.fill(bytes, (byte) ' ');
        MemorySegment.ofArray(bytes).set(LITTLE_LONG, 0, padded);
        System.arraycopy(text, 0, bytes, LENGTH_BYTES, text.length);
        return bytes;
    }

    private static Json numbers(long... values) {
        return new Json.Arr(Arrays.stream(values)
                .<Json>mapToObj(value -> new Json.Num(Long.toString(value)))
                .toList());
    }
}
