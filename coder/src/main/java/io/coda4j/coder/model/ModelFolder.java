package io.coda4j.coder.model;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.nn.HfNames;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import io.coda4j.nn.safetensors.StoredType;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiFunction;

/**
 * A model in Hugging Face layout: {@code config.json} beside one or more safetensors files.
 *
 * @param config as read, with {@code tied} as the weights have it
 * @param model weights on a device
 */
public record ModelFolder(CodaConfig config, LanguageModel model) {
    /**
     * Loads a model, widening its weights to F32. What can be checked without reading all weights is checked: see
     * {@link WeightInventory}.
     *
     * @throws ModelException if configuration and weights do not fit each other
     * @throws io.coda4j.nn.safetensors.SafetensorsException if a weight file is damaged
     */
    public static ModelFolder load(Path folder, Device device) {
        return load(folder, folder, device);
    }

    /** As {@link #load(Path, Device)}, with the weights in one file among others of the folder. */
    public static ModelFolder load(Path folder, Device device, String weightFile) {
        return load(folder, folder.resolve(weightFile), device);
    }

    private static ModelFolder load(Path folder, Path weightSource, Device device) {
        var declared = declared(folder);
        try (var weights = Safetensors.open(weightSource);
                var widened = new WidenedWeights(weights)) {
            return build(folder, declared, weights, (key, type) -> {
                if (type.dtype() == DType.I8) {
                    throw new ModelException(
                            folder,
                            "its weights are INT8, which serve inference only; give the checkpoint that it was made from");
                }
                return widened.array(key, type, device);
            });
        }
    }

    /**
     * Loads a model for reading only: matrices stay as they are stored if that is F32, F16, BF16 or I8, and are not copied where the
     * device can read them in the mapped file; everything else is widened to F32. Checked like {@link #load(Path, Device)}.
     *
     * <p>The files must stay as they are while the model is in use. Replacing them by others of the same name is harmless.
     */
    public static ModelFolder map(Path folder, Device device) {
        var declared = declared(folder);
        try (var weights = Safetensors.open(folder, Arena.ofAuto());
                var widened = new WidenedWeights(weights)) {
            return build(
                    folder,
                    declared,
                    weights,
                    (key, type) -> stored(weights, key, type)
                            .map(same -> Array.over(same, weights.bytes(key), device))
                            .orElseGet(() -> widened.array(key, type, device)));
        }
    }

    /** The type in which a tensor is used as it is stored, or empty if it must be widened. */
    private static Optional<TensorType> stored(Safetensors weights, String key, TensorType type) {
        if (type.dtype() == DType.I8) {
            return Optional.of(type);
        }
        if (type.rank() != 2 || ByteOrder.nativeOrder() != ByteOrder.LITTLE_ENDIAN) {
            return Optional.empty();
        }
        return switch (weights.entry(key).type()) {
            case F32 -> Optional.of(type);
            case F16 -> Optional.of(type.as(DType.F16));
            case BF16 -> Optional.of(type.as(DType.BF16));
            case BOOL, U8, I8, I16, U16, I32, U32, I64, U64, F64 -> Optional.empty();
        };
    }

    private static CodaConfig declared(Path folder) {
        if (!Files.isDirectory(folder)) {
            throw new ModelException(folder, "is not a folder; expected one with config.json and *.safetensors");
        }
        return CodaConfig.read(folder);
    }

    private static ModelFolder build(
            Path folder, CodaConfig declared, Safetensors weights, BiFunction<String, TensorType, Tensor> source) {
        var inventory = new WeightInventory(folder, declared, weights);
        inventory.requireSound();
        var config = inventory.config();
        var model = config.transformer().build(DType.F32, (path, _) -> {
            var key = HfNames.key(path);
            return source.apply(key, Objects.requireNonNull(inventory.expected().get(key)));
        });
        return new ModelFolder(config, model);
    }

    /** Writes configuration and weights, in their types, into {@code folder}; each file appears whole or not at all. */
    public void save(Path folder) {
        save(folder, config, model);
    }

    /** Writes configuration and weights, in their types, into {@code folder}; each file appears whole or not at all. */
    public static void save(Path folder, CodaConfig config, LanguageModel model) {
        var writer = new SafetensorsWriter().metadata("format", "pt");
        Tree.leaves(model).forEach((path, leaf) -> add(writer, HfNames.key(path), (Array) leaf));
        AtomicFile.createFolder(folder);
        writer.write(folder.resolve("model.safetensors"));
        AtomicFile.write(folder.resolve("config.json"), config.toJson("float32"));
    }

    private static StoredType stored(DType dtype) {
        return switch (dtype) {
            case F16 -> StoredType.F16;
            case BF16 -> StoredType.BF16;
            case F32 -> StoredType.F32;
            case I8 -> StoredType.I8;
            case BOOL, I32, F64 -> throw new IllegalArgumentException("no weights are " + dtype);
        };
    }

    private static void add(SafetensorsWriter writer, String name, Array array) {
        var shape = Arrays.stream(array.shape().dims()).asLongStream().toArray();
        writer.add(name, stored(array.dtype()), shape, () -> {
            var host = Arena.ofAuto().allocate(Math.max(1, array.type().byteSize()), 64);
            array.buffer().download(host);
            return host.asSlice(0, array.type().byteSize());
        });
    }
}
