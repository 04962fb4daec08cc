package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class MatrixProductsTest {
    private static double flops(java.util.function.UnaryOperator<List<Tensor>> f, TensorType... types) {
        return MatrixProducts.flops(Trace.of("products", f, List.of(types)));
    }

    @Test
    void aProductOfMatricesIsTwoOperationsPerElementAndTerm() {
        assertEquals(
                2 * 3 * 5 * 7,
                flops(in -> List.of(in.get(0).matmul(in.get(1)).exp()), TensorType.f32(3, 5), TensorType.f32(5, 7)));
        assertEquals(0, flops(in -> List.of(in.getFirst().exp().sum(0)), TensorType.f32(3, 5)));
    }

    @Test
    void fusedAttentionIsTwoProducts() {
        var attention = new Primitive.Attention(0.5, Primitive.AttentionMask.FULL);
        int rows = 2;
        int length = 6;
        int heads = 4;
        int dim = 8;
        assertEquals(
                2.0 * 2 * rows * heads * length * length * dim,
                flops(
                        in -> Tensor.apply(attention, in.get(0), in.get(1), in.get(2), in.get(3), in.get(4), in.get(5)),
                        TensorType.f32(rows, length, heads, dim),
                        TensorType.f32(rows, length, 2, dim),
                        TensorType.f32(rows, length, 2, dim),
                        TensorType.i32(rows, length),
                        TensorType.i32(rows, length),
                        TensorType.i32()));
    }
}
