package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class Bf16ProductsTest {
    private static Array weight() {
        return (Array) Array.of(Shape.of(2, 2), 1f, 2f, -3f, 0.5f).convert(DType.BF16);
    }

    @Test
    void theWideOperandIsRounded() {
        // Rounds to 1 + 2^-7 and, a tie, to 1.
        var x = Array.of(Shape.of(1, 2), 1 + 0x1.8p-8f, 1 + 0x1p-8f);
        var y = (Array) Bf16Products.within(() -> x.linear(weight()));
        assertEquals(DType.F32, y.dtype());
        float first = 1 + 0x1p-7f;
        assertArrayEquals(new float[] {first + 2, -3 * first + 0.5f}, y.toFloats());
    }

    @Test
    void productsOfEqualTypesStayAsTheyAre() {
        var x = Array.of(Shape.of(1, 2), 1 + 0x1p-8f, 1f);
        var wide = Array.of(Shape.of(1, 2), 1f, 1f);
        assertArrayEquals(new float[] {2 + 0x1p-8f}, ((Array) Bf16Products.within(() -> x.linear(wide))).toFloats());
    }

    @Test
    void anOperandOfSeveralProductsIsRoundedOnce() {
        var x = TensorType.f32(4, 8);
        var w = TensorType.of(DType.BF16, 16, 8);
        var program = Trace.of(
                "two",
                in -> Bf16Products.within(() -> List.of(
                        in.get(0).linear(in.get(1)),
                        in.get(0).linear(in.get(2)),
                        in.get(0).exp())),
                List.of(x, w, w));
        var names = program.body().stream()
                .map(equation -> equation.prim().mnemonic())
                .toList();
        assertEquals(List.of("convert", "dot", "dot", "exp"), names);
    }
}
