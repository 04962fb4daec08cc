package io.coda4j.coder.model;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import io.coda4j.nn.HfNames;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import io.coda4j.nn.safetensors.StoredType;
import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SequencedMap;
import java.util.function.LongConsumer;
import java.util.stream.IntStream;

/**
 * A checkpoint of random weights in Hugging Face layout, for measuring size and speed without real ones.
 *
 * <p>Matrices are normal with deviation 0.02, norm weights 1, the padding token's embedding 0, as in Qwen3 before
 * training (specification of the model and tokenizer, section 2e). Each number is a function of the seed, its tensor,
 * row and column. One tensor at a time is in memory.
 *
 * @param config dimensions of the model
 * @param json text of {@code config.json}
 * @param seed of all numbers
 * @param type {@code BF16}, {@code F16} or {@code F32}
 * @param shardBytes size above which the weights are split into several files
 */
public record RandomCheckpoint(CodaConfig config, String json, long seed, StoredType type, long shardBytes) {
    private static final double DEVIATION = 0.02;
    private static final String EMBEDDING = "model.embedTokens.weight";

    /** Checked settings. */
    public RandomCheckpoint {
        if (type != StoredType.BF16 && type != StoredType.F16 && type != StoredType.F32) {
            throw new IllegalArgumentException("random weights are BF16, F16 or F32, not " + type);
        }
    }

    /** The bytes of all weights together. */
    public long bytes() {
        return config.transformer().parameters() * type.byteSize();
    }

    /**
     * Writes the weights and, after them, {@code config.json}. A folder in which writing was interrupted has no
     * {@code config.json} and is no model.
     *
     * @param written told now and then how many bytes of weights are done
     * @throws io.coda4j.nn.safetensors.SafetensorsException if the folder holds a model or cannot be written
     */
    public void write(Path folder, LongConsumer written) {
        AtomicFile.createFolder(folder);
        var tensors = config.transformer().tensors(DType.F32);
        try (var arena = Arena.ofShared()) {
            // Every tensor is made in the same memory: the writer is done with one before it asks for the next.
            var memory = arena.allocate(largest(tensors), 64);
            var writer = new SafetensorsWriter().metadata("format", "pt");
            var fill = new Fill(memory, written);
            int index = 0;
            for (var tensor : tensors.entrySet()) {
                int number = index++;
                var dims = Arrays.stream(tensor.getValue().shape().dims()).asLongStream();
                writer.add(
                        HfNames.key(tensor.getKey()),
                        type,
                        dims.toArray(),
                        () -> fill.tensor(tensor.getKey(), number, tensor.getValue()));
            }
            writer.writeSharded(folder, shardBytes);
        }
        AtomicFile.write(folder.resolve("config.json"), json);
    }

    private long largest(SequencedMap<String, TensorType> tensors) {
        return tensors.values().stream().mapToLong(TensorType::size).max().orElseThrow() * type.byteSize();
    }

    private final class Fill {
        private static final ValueLayout.OfFloat FLOAT =
                ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
        private static final ValueLayout.OfShort SHORT =
                ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

        private final CounterRandom random = new CounterRandom(seed);
        private final MemorySegment memory;
        private final LongConsumer written;
        private long done;

        Fill(MemorySegment memory, LongConsumer written) {
            this.memory = memory;
            this.written = written;
        }

        /** The bytes of a tensor, valid until the next is asked for. */
        MemorySegment tensor(String path, int index, TensorType shape) {
            int columns = shape.dim(-1);
            int rows = Math.toIntExact(shape.size() / columns);
            IntStream.range(0, rows)
                    .parallel()
                    .forEach(row -> store(values(path, index, row, shape.rank(), columns), (long) row * columns));
            long bytes = shape.size() * type.byteSize();
            done += bytes;
            written.accept(done);
            return memory.asSlice(0, bytes);
        }

        private float[] values(String path, int index, int row, int rank, int columns) {
            var values = new float[columns];
            if (rank == 1) {
                Arrays.fill(values, 1);
            } else if (!path.equals(EMBEDDING) || row != config.padToken()) {
                random.fillNormal(Purpose.INITIALISATION, index, row, values, 0, columns);
                for (int i = 0; i < columns; i++) {
                    values[i] *= (float) DEVIATION;
                }
            }
            return values;
        }

        private void store(float[] values, long at) {
            for (int i = 0; i < values.length; i++) {
                if (type == StoredType.F32) {
                    memory.set(FLOAT, (at + i) * 4, values[i]);
                } else {
                    short bits = type == StoredType.F16 ? Float.floatToFloat16(values[i]) : Bf16.fromFloat(values[i]);
                    memory.set(SHORT, (at + i) * 2, bits);
                }
            }
        }
    }
}
