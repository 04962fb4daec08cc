package io.coda4j.coder.model;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.nn.files.FailureReason;
import io.coda4j.nn.safetensors.Entry;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import io.coda4j.nn.safetensors.StoredType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * Makes a checkpoint with INT8 weights of one without.
 *
 * <p>Each matrix of the layers {@code X.weight} [N,K] becomes I8 with F32 {@code X.weight_scale} [N]: a row is divided by its
 * scale, max|row| / 127, and rounded to the nearest whole number, ties to even. Norms, the embedding and the head stay as they
 * are stored: norms are small, and on a trained model rounding the embedding or the head as well tripled how far predictions
 * move. Tensors go from the mapped files to the new ones one by one, through memory for one of them.
 */
public final class Int8Checkpoint implements AutoCloseable {
    private static final int LEVELS = 127;
    private static final long SHARD_BYTES = 5L << 30;

    /** What a tokenizer may consist of, and what else belongs to a checkpoint unchanged. */
    private static final List<String> COMPANIONS = List.of(
            "tokenizer.json",
            "tokenizer_config.json",
            "vocab.json",
            "merges.txt",
            "added_tokens.json",
            "special_tokens_map.json",
            "chat_template.jinja",
            "generation_config.json");

    /** Told of each tensor before it is written. */
    @FunctionalInterface
    public interface Listener {
        void writing(String tensor, int done, int all);
    }

    /**
     * What was made.
     *
     * @param quantized matrices that are INT8 now
     * @param kept tensors that are as they were
     * @param bytesBefore of all weights
     * @param bytesAfter of all weights and scales
     */
    public record Summary(int quantized, int kept, long bytesBefore, long bytesAfter) {}

    private final Path from;
    private final Listener listener;
    private final Safetensors weights;
    private final Arena arena = Arena.ofShared();
    private MemorySegment memory = MemorySegment.NULL;
    private int done;

    private Int8Checkpoint(Path from, Safetensors weights, Listener listener) {
        this.from = from;
        this.weights = weights;
        this.listener = listener;
    }

    /**
     * Writes the INT8 form of the checkpoint in {@code from} to {@code to}, a folder without a model.
     *
     * @throws ModelException if {@code from} holds no sound checkpoint, or one that is quantised already, or a number that is
     *     not finite, or there is too little room
     * @throws io.coda4j.nn.safetensors.SafetensorsException if a file is damaged or cannot be written
     */
    public static Summary write(Path from, Path to, Listener listener) {
        if (!Files.isDirectory(from)) {
            throw new ModelException(from, "is not a folder; expected one with config.json and *.safetensors");
        }
        var declared = CodaConfig.read(from);
        var configFile = from.resolve("config.json");
        var config = ConfigJson.quantized(text(configFile), configFile);
        try (var weights = Safetensors.open(from);
                var checkpoint = new Int8Checkpoint(from, weights, listener)) {
            var inventory = new WeightInventory(from, declared, weights);
            if (inventory.isQuantized()) {
                throw new ModelException(from, "the checkpoint is quantised already: it holds I8 weights");
            }
            inventory.requireSound();
            var summary = checkpoint.weights(to);
            checkpoint.companions(to);
            AtomicFile.write(to.resolve("config.json"), config);
            return summary;
        }
    }

    private static String text(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new ModelException(file, "cannot be read: " + FailureReason.of(e), e);
        }
    }

    private static boolean isQuantized(Entry entry) {
        return entry.name().startsWith("model.layers.") && entry.shape().length == 2;
    }

    private Summary weights(Path to) {
        var entries = List.copyOf(weights.entries().values());
        var writer = new SafetensorsWriter().metadata("format", "pt");
        long before = 0;
        long after = 0;
        int quantized = 0;
        for (var entry : entries) {
            before += entry.byteSize();
            if (isQuantized(entry)) {
                long rows = entry.shape()[0];
                var scales = entry.name() + "_scale";
                writer.add(entry.name(), StoredType.I8, entry.shape(), () -> values(entry));
                writer.add(scales, StoredType.F32, new long[] {rows}, () -> scales(entry));
                after += entry.elementCount() + rows * Float.BYTES;
                quantized++;
            } else {
                writer.add(entry.name(), entry.type(), entry.shape(), () -> {
                    tell(entry.name());
                    return weights.bytes(entry.name());
                });
                after += entry.byteSize();
            }
        }
        clearUnfinished(to);
        requireRoom(to, after);
        AtomicFile.createFolder(to);
        writer.writeSharded(to, SHARD_BYTES);
        return new Summary(quantized, entries.size() - quantized, before, after);
    }

    /** Makes room first. The configuration comes last: where it stands nobody was killed, but somebody may be writing. */
    private static void clearUnfinished(Path to) {
        if (Files.isDirectory(to) && Files.notExists(to.resolve("config.json"))) {
            AtomicFile.clearUnfinished(to);
        }
    }

    private void tell(String tensor) {
        listener.writing(tensor, done++, weights.entries().size());
    }

    private static void requireRoom(Path to, long bytes) {
        AtomicFile.checkFolder(to);
        var existing = to.toAbsolutePath();
        while (!Files.exists(existing) && existing.getParent() != null) {
            existing = existing.getParent();
        }
        try {
            long room = Files.getFileStore(existing).getUsableSpace();
            if (room < bytes) {
                throw new ModelException(
                        to,
                        String.format(
                                Locale.ROOT,
                                "the INT8 weights need %,d bytes, but only %,d are free there; give another --out",
                                bytes,
                                room));
            }
        } catch (IOException e) {
            throw new ModelException(to, "cannot tell how much room there is: " + FailureReason.of(e), e);
        }
    }

    /** The values of a matrix. The memory is that of all others, which were written before. */
    private MemorySegment values(Entry entry) {
        tell(entry.name());
        var to = memory(entry.elementCount());
        forEachRow(entry, (row, values, scale) -> {
            for (int k = 0; k < values.length; k++) {
                byte value = scale == 0 ? 0 : (byte) Math.rint(values[k] / scale);
                to.set(ValueLayout.JAVA_BYTE, (long) row * values.length + k, value);
            }
        });
        return to;
    }

    private MemorySegment scales(Entry entry) {
        var layout = ValueLayout.JAVA_FLOAT.withOrder(ByteOrder.LITTLE_ENDIAN);
        var to = memory(entry.shape()[0] * Float.BYTES);
        forEachRow(entry, (row, _, scale) -> to.setAtIndex(layout, row, scale));
        return to;
    }

    private MemorySegment memory(long bytes) {
        if (memory.byteSize() < bytes) {
            memory = arena.allocate(bytes, 64);
        }
        return memory.asSlice(0, bytes);
    }

    @FunctionalInterface
    private interface Row {
        void accept(int index, float[] values, float scale);
    }

    private void forEachRow(Entry entry, Row action) {
        int width = Math.toIntExact(entry.shape()[1]);
        IntStream.range(0, Math.toIntExact(entry.shape()[0])).parallel().forEach(row -> {
            float[] values = new float[width];
            weights.copyFloats(entry.name(), (long) row * width, MemorySegment.ofArray(values), 0, width);
            action.accept(row, values, scale(entry, row, values));
        });
    }

    private static float scale(Entry entry, int row, float[] values) {
        float greatest = 0;
        for (float value : values) {
            greatest = Math.max(greatest, Math.abs(value));
        }
        if (!Float.isFinite(greatest)) {
            int column = IntStream.range(0, values.length)
                    .filter(k -> !Float.isFinite(values[k]))
                    .findFirst()
                    .orElseThrow();
            throw new ModelException(
                    entry.file(),
                    "tensor \"" + entry.name() + "\" is " + values[column] + " at [" + row + ", " + column
                            + "]; only finite weights can be quantised (coda verify-checkpoint counts them)");
        }
        // A number that rounds to more than 127 scales could not be stored.
        float scale = greatest / LEVELS;
        return greatest / scale > LEVELS + 0.5f ? Math.nextUp(scale) : scale;
    }

    private void companions(Path to) {
        for (var name : COMPANIONS) {
            var file = from.resolve(name);
            if (Files.exists(file)) {
                try {
                    AtomicFile.write(to.resolve(name), Files.readAllBytes(file));
                } catch (IOException e) {
                    throw new ModelException(file, "cannot be read: " + FailureReason.of(e), e);
                }
            }
        }
    }

    @Override
    public void close() {
        arena.close();
    }
}
