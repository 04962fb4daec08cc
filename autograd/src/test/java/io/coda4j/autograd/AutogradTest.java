package io.coda4j.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Devices;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class AutogradTest {
    /** A small network: y = w2 tanh-like(w1 x) with a static number and an integer inside. */
    public record Params(Tensor w1, Tensor w2, List<Tensor> biases, int depth, Tensor counter) {}

    private static Params params() {
        return new Params(
                Array.of(Shape.of(3, 2), 0.1f, -0.4f, 0.3f, 0.2f, -0.7f, 0.5f),
                Array.of(Shape.of(1, 3), 0.6f, -0.2f, 0.9f),
                List.of(Array.of(Shape.of(3), 0.1f, 0.2f, 0.3f), Array.of(Shape.of(1), 0.4f)),
                2,
                Array.scalar(5));
    }

    private static Tensor loss(Params p) {
        var x = Array.of(Shape.of(4, 2), 1, 2, -1, 0.5f, 3, -2, 0, 1f);
        var hidden = x.linear(p.w1).add(p.biases.get(0)).logistic();
        return hidden.linear(p.w2).add(p.biases.get(1)).sin().sumAll();
    }

    private static float[] floats(Tensor tensor) {
        return ((Array) tensor).toFloats();
    }

    @Test
    void gradientOfASquareIsTwiceTheValue() {
        var x = Array.of(Shape.of(3), 1, -2, 3f);
        var result = Autograd.valueAndGrad(p -> p.mul(p).sumAll(), (Tensor) x);
        assertEquals(14, ((Array) result.value()).item());
        assertArrayEquals(new float[] {2, -4, 6}, floats(result.gradient()));
    }

    @Test
    void gradientHasTheStructureOfTheParameters() {
        var gradient = Autograd.valueAndGrad(AutogradTest::loss, params()).gradient();
        assertEquals(TensorType.f32(3, 2), gradient.w1().type());
        assertEquals(2, gradient.biases().size());
        assertEquals(2, gradient.depth());
        assertEquals(TensorType.i32(), gradient.counter().type());
        assertEquals(0, ((Array) gradient.counter()).item());
    }

    @Test
    void compiledGradientIsTheEagerOne() {
        var eager = Autograd.valueAndGrad(AutogradTest::loss, params());
        try (var step = Compiled.of(
                "step",
                (Params p) -> {
                    var result = Autograd.valueAndGrad(AutogradTest::loss, p);
                    return Map.of(
                            "loss", result.value(), "w1", result.gradient().w1());
                },
                Devices.defaultDevice())) {
            var traced = step.apply(params());
            assertArrayEquals(floats(eager.value()), floats(traced.get("loss")));
            assertArrayEquals(floats(eager.gradient().w1()), floats(traced.get("w1")));
        }
    }

    @Test
    void valueUsedTwiceGetsBothCotangents() {
        var x = Array.of(Shape.of(2), 3, 4f);
        var gradient =
                Autograd.valueAndGrad(p -> p.mul(p).add(p).sumAll(), (Tensor) x).gradient();
        assertArrayEquals(new float[] {7, 9}, floats(gradient));
    }

    @Test
    void operandPassedTwiceToAFusedPrimitiveIsDifferentiatedOnceForEachPlace() {
        var x = Array.of(TensorType.f64(1, 3, 1, 2), 0.3, -0.2, 0.5, 0.9, -0.4, 0.1);
        var y = Array.of(TensorType.f64(1, 3, 1, 2), 0.3, -0.2, 0.5, 0.9, -0.4, 0.1);
        UnaryOperator<List<Tensor>> f = in -> List.of(attentionWithBothResults(in.get(0), in.get(1)));
        var seed = List.of(Array.of(TensorType.f64(), 1));
        var apart = Autograd.vjp(f, List.of(x, y), seed);
        var positional = Autograd.vjp(f, List.of(x, x), seed);
        for (int i = 0; i < 2; i++) {
            assertArrayEquals(((Array) apart.get(i)).toDoubles(), ((Array) positional.get(i)).toDoubles());
        }
        var whole = Autograd.valueAndGrad(p -> attentionWithBothResults(p, p), (Tensor) x)
                .gradient();
        assertArrayEquals(((Array) apart.get(0).add(apart.get(1))).toDoubles(), ((Array) whole).toDoubles(), 1e-12);
    }

    /** A function of both results of attention, for which no fused gradient exists. */
    private static Tensor attentionWithBothResults(Tensor k, Tensor v) {
        var segments = Array.of(Shape.of(1, 3), 0, 0, 0);
        var q = Array.of(TensorType.f64(1, 3, 1, 2), 1, 2, 3, 4, 5, 6);
        var prim = new Primitive.Attention(1, AttentionMask.FULL);
        var out = Tensor.apply(prim, q, k, v, segments, segments, Array.scalar(0));
        return out.get(0).sumAll().add(out.get(1).sumAll());
    }

    @Test
    void tensorAtTwoPlacesOfTheParametersGetsItsWholeGradientAtBoth() {
        Tensor x = Array.of(Shape.of(2), 3, 4f);
        var gradient = Autograd.valueAndGrad(
                        p -> p.get(0).mul(2).add(p.get(1).mul(3)).sumAll(), List.of(x, x))
                .gradient();
        assertArrayEquals(new float[] {5, 5}, floats(gradient.get(0)));
        assertArrayEquals(new float[] {5, 5}, floats(gradient.get(1)));
    }

    @Test
    void unusedParameterHasZeroGradient() {
        var unused = Array.of(Shape.of(2), 1, 2f);
        var gradients = Autograd.vjp(
                in -> List.of(in.getFirst().exp()), List.of(Array.scalar(0f), unused), List.of(Array.scalar(1f)));
        assertArrayEquals(new float[] {1}, floats(gradients.get(0)));
        assertArrayEquals(new float[] {0, 0}, floats(gradients.get(1)));
    }

    @Test
    void resultThatIsAParameterPassesItsCotangent() {
        var x = Array.of(Shape.of(2), 1, 2f);
        var g = Array.of(Shape.of(2), 5, 7f);
        assertArrayEquals(
                new float[] {5, 7},
                floats(Autograd.vjp(in -> in, List.of(x), List.of(g)).getFirst()));
    }

    @Test
    void stopGradientEndsTheGradient() {
        var x = Array.of(Shape.of(2), 3, 4f);
        var gradient = Autograd.valueAndGrad(p -> p.stopGradient().mul(p).sumAll(), (Tensor) x)
                .gradient();
        assertArrayEquals(new float[] {3, 4}, floats(gradient));
    }

    @Test
    void gradientOfAGradientIsTheSecondDerivative() {
        var x = Array.of(TensorType.f64(3), 0.5, 1, 2);
        UnaryOperator<Tensor> cube = p -> p.mul(p).mul(p);
        var second = Autograd.valueAndGrad(
                        p -> Autograd.valueAndGrad(q -> cube.apply(q).sumAll(), p)
                                .gradient()
                                .sumAll(),
                        (Tensor) x)
                .gradient();
        assertArrayEquals(new double[] {3, 6, 12}, ((Array) second).toDoubles(), 1e-12);
    }

    @Test
    void bfloat16ParametersGetBfloat16Gradients() {
        var w = Array.of(TensorType.of(DType.BF16, 2, 3), 1, 2, 3, 4, 5, 6);
        var x = Array.of(TensorType.of(DType.BF16, 1, 3), 1, 0.5, 2);
        var gradient = Autograd.valueAndGrad(p -> x.linear(p).convert(DType.F32).sumAll(), (Tensor) w)
                .gradient();
        assertEquals(w.type(), gradient.type());
        assertArrayEquals(new float[] {1, 0.5f, 2, 1, 0.5f, 2}, floats(gradient));
    }

    /** Cotangents stay F32 until the end: 1 + 2^-12 is no BF16 number, and its gradients must not be rounded to 1 before. */
    @Test
    void productsOfTwoTypesGiveEachOperandAGradientOfItsType() {
        float fine = 1 + 0x1p-12f;
        var w = Array.of(TensorType.of(DType.BF16, 1, 2), 3, 4);
        var x = Array.of(Shape.of(1, 2), 2f, 4096f);
        var scale = Array.of(Shape.of(1, 1), fine);
        var gradients = Autograd.valueAndGrad(
                        p -> p.get(0).linear(p.get(1)).mul(scale).sumAll(), List.<Tensor>of(x, w))
                .gradient();
        assertEquals(
                List.of(x.type(), w.type()),
                gradients.stream().map(Tensor::type).toList());
        assertArrayEquals(new float[] {3 * fine, 4 * fine}, floats(gradients.get(0)));
        assertArrayEquals(new float[] {2, 4096}, floats(gradients.get(1)));
    }

    /** No 0/0 may leak from queries whose segment has no key. */
    @Test
    void queryThatSeesNothingHasNoGradient() {
        var q = Array.of(Shape.of(1, 2, 1, 2), 1, 2, 3, 4f);
        var segments = Array.of(Shape.of(1, 2), 0, 9);
        var keys = Array.of(Shape.of(1, 2), 0, 0);
        for (var mask : AttentionMask.values()) {
            var gradients = Autograd.valueAndGrad(
                            p -> Tensor.apply(
                                            new Primitive.Attention(1, mask),
                                            p.get(0),
                                            p.get(1),
                                            p.get(2),
                                            segments,
                                            keys,
                                            Array.scalar(0))
                                    .getFirst()
                                    .sumAll(),
                            List.<Tensor>of(
                                    q,
                                    Array.of(Shape.of(1, 2, 1, 2), 1, 1, 2, 2f),
                                    Array.of(Shape.of(1, 2, 1, 2), 5, 6, 7, 8f)))
                    .gradient();
            var dq = floats(gradients.get(0));
            assertEquals(0, dq[2]);
            assertEquals(0, dq[3]);
            for (float value : floats(gradients.get(2))) {
                assertTrue(Float.isFinite(value));
            }
        }
    }

    @Test
    void lossMustBeAScalar() {
        var error = assertThrows(
                IllegalArgumentException.class,
                () -> Autograd.valueAndGrad(p -> p.exp(), (Tensor) Array.of(Shape.of(2), 1, 2f)));
        assertTrue(error.getMessage().contains("must be a scalar, got f32[2]"), error::getMessage);
        assertTrue(error.getMessage().contains("sumAll()"), error::getMessage);
    }

    @Test
    void cotangentsThatDoNotFitAreErrors() {
        var x = List.<Tensor>of(Array.of(Shape.of(3), 1, 2, 3f));
        UnaryOperator<List<Tensor>> f = UnaryOperator.identity();
        var count = assertThrows(
                IllegalArgumentException.class, () -> Autograd.vjp(f, x, List.of(x.getFirst(), x.getFirst())));
        assertTrue(count.getMessage().contains("gives 1 results, got 2 cotangents"), count::getMessage);
        var type = assertThrows(
                IllegalArgumentException.class, () -> Autograd.vjp(f, x, List.of(Array.of(Shape.of(2), 1, 1f))));
        assertEquals("vjp: result 0 is f32[3], its cotangent must be too, got f32[2]", type.getMessage());
    }

    /** The gradient would be zero, whatever was computed before. */
    @Test
    void wholeNumbersAreNotDifferentiated() {
        var x = Array.of(Shape.of(2), 1, 2f);
        var loss = assertThrows(
                IllegalArgumentException.class,
                () -> Autograd.valueAndGrad((Tensor p) -> p.sumAll().convert(DType.I32), x));
        assertEquals(
                "valueAndGrad: the loss must be a floating-point number, got i32[], through which no gradient flows;"
                        + " compute it in f32",
                loss.getMessage());
        UnaryOperator<List<Tensor>> f =
                in -> List.of(in.getFirst().mul(3), in.getFirst().convert(DType.I32));
        var result = assertThrows(
                IllegalArgumentException.class,
                () -> Autograd.vjp(f, List.of(x), List.of(x, Array.of(Shape.of(2), 1, 1))));
        assertEquals(
                "vjp: result 1 is i32[2], through which no gradient flows; pass null as its cotangent",
                result.getMessage());
        var gradient = Autograd.vjp(f, List.of(x), Arrays.asList(x, null));
        assertArrayEquals(new float[] {3, 6}, floats(gradient.getFirst()));
    }

    @Test
    void checkpointGivesTheSameGradientAndComputesTheFunctionAgain() {
        var x = List.<Tensor>of(Array.of(Shape.of(3), 0.1f, 0.2f, 0.3f), Array.of(Shape.of(3), 1, 2, 3f));
        UnaryOperator<List<Tensor>> f =
                in -> List.of(in.get(0).mul(in.get(1)).sin().mul(in.get(0)).logistic());
        var seed = List.of(Array.of(Shape.of(3), 1, 1, 1f));
        var plain = Autograd.vjp(f, x, seed);
        var saved = Autograd.vjp(in -> Autograd.checkpointAll(f, in), x, seed);
        for (int i = 0; i < 2; i++) {
            assertArrayEquals(floats(plain.get(i)), floats(saved.get(i)));
        }
        var types = x.stream().map(Tensor::type).toList();
        var program = Trace.of("saved", in -> Autograd.vjp(y -> Autograd.checkpointAll(f, y), in, seed), types);
        long sines = program.body().stream()
                .filter(equation -> equation.prim().equals(new Primitive.Unary(Primitive.UnaryOp.SIN)))
                .count();
        // Only the backward pass needs the value: dead code elimination drops the forward one.
        assertEquals(1, sines);
        assertEquals(
                1,
                program.body().stream()
                        .filter(equation ->
                                equation.prim().equals(new Primitive.Annotate(new Primitive.Note.Barrier())))
                        .count());
    }

    @Test
    void checkpointsNest() {
        var x = List.<Tensor>of(Array.of(Shape.of(3), 0.1f, 0.2f, 0.3f));
        UnaryOperator<List<Tensor>> inner = in -> List.of(in.getFirst().sin());
        UnaryOperator<List<Tensor>> outer = in -> List.of(
                Autograd.checkpointAll(inner, in).getFirst().mul(in.getFirst()).exp());
        var seed = List.of(Array.of(Shape.of(3), 1, 1, 1f));
        var plain = Autograd.vjp(
                in -> List.of(in.getFirst().sin().mul(in.getFirst()).exp()), x, seed);
        var saved = Autograd.vjp(in -> Autograd.checkpointAll(outer, in), x, seed);
        assertArrayEquals(floats(plain.getFirst()), floats(saved.getFirst()));
    }

    /** A lambda whose parameter has no type is enough: which of the two is meant does not depend on it. */
    @Test
    void checkpointTakesLambdasOfAListWithoutTheirType() {
        var x = List.<Tensor>of(Array.of(Shape.of(2), 1, 2f), Array.of(Shape.of(2), 3, 4f));
        var seed = List.of(Array.of(Shape.of(2), 1, 1f));
        var plain = List.of(new float[] {3, 4}, new float[] {1, 2});
        var one = Autograd.vjp(
                in -> List.of(Autograd.checkpoint(list -> list.get(0).mul(list.get(1)), in)), x, seed);
        var all = Autograd.vjp(
                in -> Autograd.checkpointAll(list -> List.of(list.get(0).mul(list.get(1))), in), x, seed);
        for (int i = 0; i < 2; i++) {
            assertArrayEquals(plain.get(i), floats(one.get(i)));
            assertArrayEquals(plain.get(i), floats(all.get(i)));
        }
    }

    @Test
    void checkpointMayGiveOutItsInputs() {
        var x = Array.of(Shape.of(2), 1, 2f);
        UnaryOperator<List<Tensor>> f =
                in -> List.of(in.getFirst(), in.getFirst().mul(2));
        var gradient = Autograd.valueAndGrad(
                        (Tensor p) -> {
                            var out = Autograd.checkpointAll(f, List.of(p));
                            return out.get(0).add(out.get(1)).sumAll();
                        },
                        x)
                .gradient();
        assertArrayEquals(new float[] {3, 3}, floats(gradient));
    }

    @Test
    void checkpointRefusesCapturedDifferentiatedTensors() {
        var x = Array.of(Shape.of(2), 1, 2f);
        var error = assertThrows(
                IllegalStateException.class,
                () -> Autograd.valueAndGrad(
                        (Tensor p) -> {
                            var captured = p.mul(2);
                            return Autograd.checkpoint((Tensor q) -> q.mul(captured), p)
                                    .sumAll();
                        },
                        x));
        assertTrue(error.getMessage().contains("mul uses a differentiated tensor of type f32[2]"), error::getMessage);
        assertTrue(error.getMessage().contains("pass it in the list of inputs"), error::getMessage);
    }

    @Test
    void checkpointRefusesToGiveOutACapturedDifferentiatedTensor() {
        var x = Array.of(Shape.of(2), 1, 2f);
        var error = assertThrows(
                IllegalStateException.class,
                () -> Autograd.valueAndGrad(
                        (Tensor p) ->
                                Autograd.checkpoint((Tensor _) -> p, p.mul(2)).sumAll(),
                        x));
        assertTrue(error.getMessage().contains("pass it in the list of inputs"), error::getMessage);
    }
}
