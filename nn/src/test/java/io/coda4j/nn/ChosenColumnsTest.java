package io.coda4j.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A pass for some columns, compared with the pass for all. */
class ChosenColumnsTest {
    private static final int LENGTH = 17;

    private static Transformer model(int layers) {
        var config = new TransformerConfig(23, 16, layers, 4, 2, 8, 24, 1e4, 1e-6, false, -1);
        var random = new Random(5);
        return config.build(DType.F32, (_, type) -> {
                    var values = new float[(int) type.size()];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) (random.nextGaussian() * .3 + (type.rank() == 1 ? 1 : 0));
                    }
                    return Array.of(type.shape(), values);
                })
                .model();
    }

    private static Array ids() {
        return Array.of(Shape.of(1, LENGTH), new Random(6).ints(LENGTH, 0, 23).toArray());
    }

    private static View view(AttentionMask mask) {
        // The last columns are of another segment, as padding is.
        var segments = new int[LENGTH];
        Arrays.fill(segments, 13, LENGTH, 1);
        return View.ofSegments(Array.of(Shape.of(1, LENGTH), segments), mask);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void statesAreThoseOfThePassForAll(int layers) {
        var model = model(layers);
        var all = ((Array) model.apply(ids(), view(AttentionMask.FULL))).toFloats();
        int[] columns = {0, 3, 12, 12, 15};
        var some = (Array) model.apply(ids(), view(AttentionMask.FULL), Array.of(Shape.of(columns.length), columns));
        assertEquals(Shape.of(columns.length, 16), some.shape());
        for (int i = 0; i < columns.length; i++) {
            assertArrayEquals(
                    Arrays.copyOfRange(all, columns[i] * 16, columns[i] * 16 + 16),
                    Arrays.copyOfRange(some.toFloats(), i * 16, i * 16 + 16),
                    1e-5f,
                    "column " + columns[i]);
        }
    }

    /** What a column sees there depends on its place, which chosen columns have lost. */
    @Test
    void causalModelsAreRefused() {
        var columns = Array.of(Shape.of(1), 3);
        var e = assertThrows(
                IllegalArgumentException.class, () -> model(1).apply(ids(), view(AttentionMask.CAUSAL), columns));
        assertTrue(e.getMessage().contains("CAUSAL"), e.getMessage());
    }
}
