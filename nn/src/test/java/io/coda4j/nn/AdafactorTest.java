package io.coda4j.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.LinkedHashMap;
import java.util.Set;
import org.junit.jupiter.api.Test;

class AdafactorTest {
    private static final float RATE = 0.5f;

    private static LinkedHashMap<String, Tensor> tensors(float scale) {
        var tensors = new LinkedHashMap<String, Tensor>();
        tensors.put("matrix", Array.of(Shape.of(2, 2), new float[] {scale, -scale, 2 * scale, 3 * scale}));
        tensors.put("vector", Array.of(Shape.of(3), new float[] {scale, 2 * scale, -scale}));
        return tensors;
    }

    private static float[] updated(String name, Adafactor optimizer) {
        var params = tensors(1);
        var types = new LinkedHashMap<String, TensorType>();
        params.forEach((key, value) -> types.put(key, value.type()));
        var state = new LinkedHashMap<String, Tensor>();
        optimizer
                .state(types, Set.of())
                .forEach((key, type) -> state.put(key, Array.of(type.shape(), new float[(int) type.size()])));
        var scalars = optimizer.scalars(1, RATE);
        var update =
                optimizer.update(params, tensors(0.25f), state, Array.of(Shape.of(scalars.length), scalars), Set.of());
        return ((Array) update.params().get(name)).toFloats();
    }

    /** A decayed weight ends RATE * decay * weight lower than one that is not, whatever the gradient does. */
    private static float[] less(float[] values, float[] weights, float decay) {
        var less = values.clone();
        for (int i = 0; i < less.length; i++) {
            less[i] -= RATE * decay * weights[i];
        }
        return less;
    }

    @Test
    void vectorsDecayOnlyIfToldTo() {
        var matrix = ((Array) tensors(1).get("matrix")).toFloats();
        var vector = ((Array) tensors(1).get("vector")).toFloats();
        var none = Adafactor.standard();
        assertArrayEquals(
                less(updated("matrix", none), matrix, 0.1f), updated("matrix", Adafactor.decaying(0.1, false)), 1e-6f);
        assertArrayEquals(updated("vector", none), updated("vector", Adafactor.decaying(0.1, false)));
        assertArrayEquals(
                less(updated("vector", none), vector, 0.1f), updated("vector", Adafactor.decaying(0.1, true)), 1e-6f);
    }
}
