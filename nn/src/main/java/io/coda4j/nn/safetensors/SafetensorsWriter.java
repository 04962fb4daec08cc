package io.coda4j.nn.safetensors;

import io.coda4j.nn.files.FailureReason;
import io.coda4j.nn.json.Json;
import io.coda4j.nn.json.JsonException;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.function.Supplier;

/**
 * Collects tensors and writes them as one safetensors file or as shards with an index.
 *
 * <p>Data is referenced, not copied, until it is written; suppliers are asked once per write, one tensor at a time, so that
 * a model on a device never exists twice in host memory. Files are written under a temporary name in the target folder,
 * forced to the disk and moved into place; a failed write leaves nothing behind.
 *
 * <p>Inside a file tensors are ordered by element size, widest first, then by name: the bytes depend on the content only,
 * and every tensor is aligned to its element size.
 */
public final class SafetensorsWriter {
    private static final Comparator<TensorSource> FILE_ORDER = Comparator.<TensorSource>comparingInt(
                    source -> -source.type().byteSize())
            .thenComparing(TensorSource::name);
    private static final ByteOrder LITTLE = ByteOrder.LITTLE_ENDIAN;

    private final SequencedMap<String, TensorSource> sources = new LinkedHashMap<>();
    private final TreeMap<String, String> metadata = new TreeMap<>();
    private final AtomicFiles.Opener opener;

    public SafetensorsWriter() {
        this(AtomicFiles.Opener.PLAIN);
    }

    /** With another way to open channels, so that tests can make a disk fail. */
    SafetensorsWriter(AtomicFiles.Opener opener) {
        this.opener = opener;
    }

    /** Adds a {@code __metadata__} string. */
    public SafetensorsWriter metadata(String key, String value) {
        metadata.put(key, value);
        return this;
    }

    /** Adds a tensor of stored little-endian bytes, fetched when it is written and checked to have the right length. */
    public SafetensorsWriter add(String name, StoredType type, long[] shape, Supplier<MemorySegment> bytes) {
        if (name.equals(Header.METADATA)) {
            throw new IllegalArgumentException("a tensor cannot be called " + name);
        }
        var source = new TensorSource(name, type, shape.clone(), byteSize(name, type, shape), bytes);
        if (sources.putIfAbsent(name, source) != null) {
            throw new IllegalArgumentException("tensor \"" + name + "\" was added twice");
        }
        return this;
    }

    /** Adds a tensor of stored little-endian bytes. */
    public SafetensorsWriter add(String name, StoredType type, long[] shape, MemorySegment bytes) {
        requireLength(name, byteSize(name, type, shape), bytes.byteSize());
        return add(name, type, shape, () -> bytes);
    }

    /** Adds an F32 tensor. */
    public SafetensorsWriter add(String name, float[] values, long... shape) {
        requireLength(name, byteSize(name, StoredType.F32, shape), 4L * values.length);
        var layout = ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(LITTLE);
        return add(name, StoredType.F32, shape, () -> {
            var bytes = MemorySegment.ofArray(values);
            if (ByteOrder.nativeOrder() != LITTLE) {
                bytes = MemorySegment.ofArray(new byte[4 * values.length]);
                MemorySegment.copy(values, 0, bytes, layout, 0, values.length);
            }
            return bytes;
        });
    }

    /** Adds an I32 tensor. */
    public SafetensorsWriter add(String name, int[] values, long... shape) {
        requireLength(name, byteSize(name, StoredType.I32, shape), 4L * values.length);
        var layout = ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE);
        return add(name, StoredType.I32, shape, () -> {
            var bytes = MemorySegment.ofArray(values);
            if (ByteOrder.nativeOrder() != LITTLE) {
                bytes = MemorySegment.ofArray(new byte[4 * values.length]);
                MemorySegment.copy(values, 0, bytes, layout, 0, values.length);
            }
            return bytes;
        });
    }

    private static long byteSize(String name, StoredType type, long[] shape) {
        for (long dimension : shape) {
            if (dimension < 0) {
                throw new IllegalArgumentException("tensor \"" + name + "\" has a negative dimension " + dimension);
            }
        }
        try {
            return Header.byteSize(type, shape);
        } catch (JsonException e) {
            throw new IllegalArgumentException("tensor \"" + name + "\": " + e.getMessage(), e);
        }
    }

    private static void requireLength(String name, long expected, long got) {
        if (got != expected) {
            throw new IllegalArgumentException(
                    "tensor \"" + name + "\": its shape needs " + expected + " bytes, got " + got);
        }
    }

    /**
     * Writes all tensors to one file, replacing it in one move if it exists.
     *
     * @throws SafetensorsException if the file cannot be written; the old file is then untouched
     */
    public void write(Path file) {
        try (var files = new AtomicFiles(opener)) {
            stage(files, file, sources.values());
            files.publish();
        }
    }

    /**
     * Writes {@code model.safetensors}, or {@code model-00001-of-0000N.safetensors} and an index if the tensors have more
     * than {@code maxShardBytes} bytes together; a tensor above the limit gets a shard of its own. Tensors are assigned to
     * shards in the order they were added.
     *
     * @param folder created if missing; it must not hold another model
     * @throws SafetensorsException if the folder holds a model or cannot be written
     */
    public void writeSharded(Path folder, long maxShardBytes) {
        if (maxShardBytes < 1) {
            throw new IllegalArgumentException("maxShardBytes must be positive, got " + maxShardBytes);
        }
        var shards = shards(maxShardBytes);
        prepare(folder);
        try (var files = new AtomicFiles(opener)) {
            if (shards.size() == 1) {
                stage(files, folder.resolve(Safetensors.SINGLE_FILE), shards.getFirst());
            } else {
                stageShards(files, folder, shards);
            }
            files.publish();
        }
    }

    private List<List<TensorSource>> shards(long maxShardBytes) {
        var shards = new ArrayList<List<TensorSource>>();
        shards.add(new ArrayList<>());
        long filled = 0;
        for (var source : sources.values()) {
            if (!shards.getLast().isEmpty() && source.byteSize() > maxShardBytes - filled) {
                shards.add(new ArrayList<>());
                filled = 0;
            }
            shards.getLast().add(source);
            filled += source.byteSize();
        }
        return shards;
    }

    /** A second model beside the first would leave it to chance which one a reader finds. */
    private static void prepare(Path folder) {
        try {
            Files.createDirectories(folder);
            try (var present = Files.newDirectoryStream(
                    folder, "model{.safetensors,.safetensors.index.json,-*-of-*.safetensors}")) {
                for (var file : present) {
                    throw new SafetensorsException(
                            file, "the folder already holds a model; write to an empty folder or delete the old files");
                }
            }
        } catch (IOException e) {
            throw new SafetensorsException(folder, "the folder cannot be created or read: " + FailureReason.of(e), e);
        }
    }

    private void stageShards(AtomicFiles files, Path folder, List<List<TensorSource>> shards) {
        var weightMap = new TreeMap<String, Json>();
        long total = 0;
        for (int i = 0; i < shards.size(); i++) {
            var name = String.format("model-%05d-of-%05d.safetensors", i + 1, shards.size());
            stage(files, folder.resolve(name), shards.get(i));
            for (var source : shards.get(i)) {
                weightMap.put(source.name(), new Json.Str(name));
                total += source.byteSize();
            }
        }
        var summary = new LinkedHashMap<String, Json>();
        summary.put("total_size", new Json.Num(Long.toString(total)));
        var index = new LinkedHashMap<String, Json>();
        index.put("metadata", new Json.Obj(summary));
        index.put("weight_map", new Json.Obj(weightMap));
        byte[] text = new Json.Obj(index).toText().getBytes(StandardCharsets.UTF_8);
        // Last, because a reader that finds the index expects every shard.
        files.stage(folder.resolve(Safetensors.INDEX_FILE), out -> out.write(MemorySegment.ofArray(text)));
    }

    private void stage(AtomicFiles files, Path file, Iterable<TensorSource> tensors) {
        var ordered = new ArrayList<TensorSource>();
        tensors.forEach(ordered::add);
        ordered.sort(FILE_ORDER);
        files.stage(file, out -> {
            out.write(MemorySegment.ofArray(Header.print(ordered, metadata)));
            for (var source : ordered) {
                var bytes = source.bytes().get();
                requireLength(source.name(), source.byteSize(), bytes.byteSize());
                out.write(bytes);
            }
        });
    }
}
