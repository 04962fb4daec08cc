package io.coda4j.coder.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.nn.HfNames;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.StoredType;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Devices;
import java.nio.file.Path;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ModelFolderTest {
    @TempDir
    private Path folder;

    private void write(StoredType type) {
        var config = ModelPreset.tiny(300, 299, 298, 297);
        new RandomCheckpoint(config, config.toJson("bfloat16"), 5, type, Long.MAX_VALUE).write(folder, _ -> {});
    }

    private static float[] logits(ModelFolder model) {
        int[] ids = IntStream.range(0, 2 * 21).map(i -> i * 13 % 299).toArray();
        return ((Array) model.model().apply(Array.of(Shape.of(2, 21), ids), AttentionMask.FULL)).toFloats();
    }

    /** Narrow matrices are widened where they are multiplied, exactly, so that not one bit may differ. */
    @ParameterizedTest
    @EnumSource(
            value = StoredType.class,
            names = {"F32", "F16", "BF16"})
    void aMappedModelComputesWhatAWidenedOneDoes(StoredType type) {
        write(type);
        var device = Devices.defaultDevice();
        assertArrayEquals(logits(ModelFolder.load(folder, device)), logits(ModelFolder.map(folder, device)));
    }

    @ParameterizedTest
    @EnumSource(
            value = StoredType.class,
            names = {"F16", "BF16"})
    void matricesStayAsTheyAreStoredAndVectorsAreWidened(StoredType type) {
        write(type);
        var mapped = ModelFolder.map(folder, Devices.defaultDevice());
        try (var stored = Safetensors.open(folder)) {
            Tree.leaves(mapped.model()).forEach((path, leaf) -> {
                assertEquals(leaf.rank() == 2 ? DType.valueOf(type.name()) : DType.F32, leaf.dtype(), path);
                assertArrayEquals(stored.floats(HfNames.key(path)), ((Array) leaf).toFloats(), path);
            });
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = StoredType.class,
            names = {"F16", "BF16"})
    void aMappedModelIsSavedInTheTypesOfItsWeights(StoredType type) {
        write(type);
        var mapped = ModelFolder.map(folder, Devices.defaultDevice());
        mapped.save(folder.resolve("copy"));
        assertArrayEquals(logits(mapped), logits(ModelFolder.map(folder.resolve("copy"), Devices.defaultDevice())));
    }
}
