package io.coda4j.nn.safetensors;

import io.coda4j.nn.files.FailureReason;
import io.coda4j.nn.json.Json;
import io.coda4j.nn.json.JsonException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.stream.IntStream;

/**
 * Tensors of a safetensors file or a sharded folder, mapped read-only into memory.
 *
 * <p>Opening reads and checks the headers only; tensor bytes are paged in when they are touched. Views end with the arena
 * that the files are mapped into, by default one of this object that ends when it is closed: later access throws
 * {@link IllegalStateException}. Safe for use by several threads.
 */
public final class Safetensors implements AutoCloseable {
    static final String SINGLE_FILE = "model.safetensors";
    static final String INDEX_FILE = "model.safetensors.index.json";

    private final Path source;
    private final Arena arena;
    private final boolean owned;
    private final SequencedMap<Path, MemorySegment> files = new LinkedHashMap<>();
    private final SequencedMap<String, Entry> entries = new LinkedHashMap<>();
    private final SequencedMap<String, String> metadata = new LinkedHashMap<>();

    private Safetensors(Path source, Arena arena, boolean owned) {
        this.source = source;
        this.arena = arena;
        this.owned = owned;
    }

    /**
     * Opens a {@code .safetensors} file, a {@code .index.json} with shards beside it, or a folder that holds
     * {@code model.safetensors} or {@code model.safetensors.index.json} (looked for in this order).
     *
     * @throws SafetensorsException if something is missing, truncated or contradicts itself
     */
    public static Safetensors open(Path path) {
        return open(new Safetensors(path, Arena.ofShared(), true), path);
    }

    /** As {@link #open(Path)}, mapping the files into {@code arena}; closing the reader leaves them mapped. */
    public static Safetensors open(Path path, Arena arena) {
        return open(new Safetensors(path, arena, false), path);
    }

    private static Safetensors open(Safetensors tensors, Path path) {
        try {
            tensors.load(resolve(path));
        } catch (RuntimeException | Error e) {
            tensors.close();
            throw e;
        }
        return tensors;
    }

    private static Path resolve(Path path) {
        if (!Files.exists(path)) {
            throw new SafetensorsException(path, "no such file or folder");
        }
        if (!Files.isDirectory(path)) {
            return path;
        }
        for (var name : new String[] {SINGLE_FILE, INDEX_FILE}) {
            if (Files.exists(path.resolve(name))) {
                return path.resolve(name);
            }
        }
        throw new SafetensorsException(path, "the folder holds neither " + SINGLE_FILE + " nor " + INDEX_FILE);
    }

    private void load(Path file) {
        if (file.getFileName().toString().endsWith(".json")) {
            loadShards(file);
        } else {
            var header = map(file);
            entries.putAll(header.entries());
            metadata.putAll(header.metadata());
        }
    }

    private void loadShards(Path index) {
        var headers = new LinkedHashMap<String, Header>();
        for (var mapping : weightMap(index).entrySet()) {
            var tensor = mapping.getKey();
            var shard = mapping.getValue();
            if (!headers.containsKey(shard)) {
                headers.put(shard, map(shardPath(index, tensor, shard)));
            }
            var entry = headers.get(shard).entries().get(tensor);
            if (entry == null) {
                throw new SafetensorsException(
                        index, "tensor \"" + tensor + "\" should be in " + shard + ", which does not hold it");
            }
            entries.put(tensor, entry);
        }
        headers.values().forEach(header -> metadata.putAll(header.metadata()));
    }

    private static SequencedMap<String, String> weightMap(Path index) {
        try {
            var root = Json.parse(Files.readString(index)).asObject();
            var map = new LinkedHashMap<String, String>();
            root.member("weight_map").asObject().members().forEach((name, file) -> map.put(name, file.asString()));
            return map;
        } catch (JsonException e) {
            throw new SafetensorsException(index, "the index is not valid: " + e.getMessage(), e);
        } catch (IOException e) {
            throw new SafetensorsException(index, "the index cannot be read: " + FailureReason.of(e), e);
        }
    }

    /** A shard is a plain file name: an index must not be able to point outside its folder. */
    private static Path shardPath(Path index, String tensor, String shard) {
        if (shard.isEmpty() || shard.contains("/") || shard.contains("\\") || shard.startsWith("..")) {
            throw new SafetensorsException(
                    index, "tensor \"" + tensor + "\": shard name \"" + shard + "\" is not a plain file name");
        }
        Path path;
        try {
            path = index.resolveSibling(shard);
        } catch (InvalidPathException e) {
            throw new SafetensorsException(
                    index, "tensor \"" + tensor + "\": its shard has no name of a file: " + e.getReason(), e);
        }
        if (!Files.exists(path)) {
            throw new SafetensorsException(
                    index, "shard " + shard + " (of tensor \"" + tensor + "\") is missing beside the index");
        }
        return path;
    }

    private Header map(Path file) {
        if (!Files.isRegularFile(file)) {
            throw new SafetensorsException(file, "not a regular file");
        }
        try (var channel = FileChannel.open(file, StandardOpenOption.READ)) {
            var bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
            files.put(file, bytes);
            return Header.parse(file, bytes);
        } catch (IOException e) {
            throw new SafetensorsException(file, "the file cannot be read: " + FailureReason.of(e), e);
        }
    }

    /** All tensors: in file order for one file, in the order of the index for shards. */
    public SequencedMap<String, Entry> entries() {
        return Collections.unmodifiableSequencedMap(entries);
    }

    /** The {@code __metadata__} strings; of shards the later file wins. */
    public SequencedMap<String, String> metadata() {
        return Collections.unmodifiableSequencedMap(metadata);
    }

    public boolean contains(String name) {
        return entries.containsKey(name);
    }

    /** Where tensor {@code name} lies; an error that shows similar names if there is none. */
    public Entry entry(String name) {
        var entry = entries.get(name);
        if (entry == null) {
            var near = entries.keySet().stream()
                    .filter(other -> other.endsWith(name) || name.endsWith(other))
                    .limit(3)
                    .toList();
            throw new SafetensorsException(
                    source,
                    "no tensor \"" + name + "\" among " + entries.size() + " tensors"
                            + (near.isEmpty() ? "" : "; similar: " + near));
        }
        return entry;
    }

    /** The stored little-endian bytes of a tensor: a read-only view of the mapped file, valid until this is closed. */
    public MemorySegment bytes(String name) {
        return bytes(entry(name));
    }

    private MemorySegment bytes(Entry entry) {
        if (!arena.scope().isAlive()) {
            throw new IllegalStateException(source + ": the safetensors reader is closed");
        }
        return Objects.requireNonNull(files.get(entry.file()))
                .asSlice(entry.offset(), entry.byteSize())
                .asReadOnly();
    }

    /** A tensor as floats: F32 as stored, F16, BF16, BOOL, U8, I8, I16 and U16 exactly, F64 rounded. */
    public float[] floats(String name) {
        var entry = entry(name);
        var out = new float[arrayLength(entry)];
        Widening.floats(entry, bytes(entry), 0, MemorySegment.ofArray(out), 0, out.length);
        return out;
    }

    /**
     * Copies {@code count} elements, from element {@code first} on, widened to F32 in native order into {@code target} from
     * byte {@code targetOffset} on.
     *
     * @throws IndexOutOfBoundsException if the range is outside the tensor or the target
     */
    public void copyFloats(String name, long first, MemorySegment target, long targetOffset, long count) {
        var entry = entry(name);
        Objects.checkFromIndexSize(first, count, entry.elementCount());
        Widening.floats(entry, bytes(entry), first, target, targetOffset, count);
    }

    /** A tensor of any type as doubles; 64-bit integers beyond 2^53 are rounded. */
    public double[] doubles(String name) {
        var entry = entry(name);
        var bytes = bytes(entry);
        return IntStream.range(0, arrayLength(entry))
                .mapToDouble(i -> Widening.real(entry, bytes, i))
                .toArray();
    }

    /** An integer or BOOL tensor as longs. */
    public long[] longs(String name) {
        var entry = entry(name);
        var bytes = bytes(entry);
        return IntStream.range(0, arrayLength(entry))
                .mapToLong(i -> Widening.integer(entry, bytes, i))
                .toArray();
    }

    /** An integer or BOOL tensor as ints; a value outside the int range is an error. */
    public int[] ints(String name) {
        var entry = entry(name);
        var bytes = bytes(entry);
        return IntStream.range(0, arrayLength(entry))
                .map(i -> {
                    long value = Widening.integer(entry, bytes, i);
                    if (value != (int) value) {
                        throw new SafetensorsException(
                                entry.file(), "element " + i + " of " + entry + " is " + value + ", outside int");
                    }
                    return (int) value;
                })
                .toArray();
    }

    private static int arrayLength(Entry entry) {
        if (entry.elementCount() > Integer.MAX_VALUE - 8) {
            throw new SafetensorsException(
                    entry.file(), entry + " has too many elements for an array; use bytes or copyFloats");
        }
        return (int) entry.elementCount();
    }

    /** Unmaps the files, unless they were mapped into another's arena. */
    @Override
    public void close() {
        if (owned && arena.scope().isAlive()) {
            arena.close();
        }
    }
}
