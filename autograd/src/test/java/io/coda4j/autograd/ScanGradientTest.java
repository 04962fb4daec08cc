package io.coda4j.autograd;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Loop;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScanGradientTest {
    private static final int LENGTH = 3;
    private static final List<TensorType> TYPES =
            List.of(TensorType.f32(2, 4), TensorType.f32(4), TensorType.f32(LENGTH, 4, 4));

    private static Tensor step(Tensor h, Tensor bias, Tensor w) {
        return h.linear(w).logistic().then(new Primitive.RmsNorm(1e-6), bias).add(h);
    }

    private static Tensor looped(List<Tensor> in, boolean checkpoint) {
        return Loop.over(List.of(in.get(2)))
                .with(List.of(in.get(1)))
                .checkpointed(checkpoint)
                .scan(
                        (carries, constants, slices) -> List.of(step(carries.get(0), constants.get(0), slices.get(0))),
                        List.of(in.get(0)))
                .getFirst()
                .sumAll();
    }

    private static Tensor unrolled(List<Tensor> in) {
        var h = in.get(0);
        for (int i = 0; i < LENGTH; i++) {
            h = step(h, in.get(1), in.get(2).slice(0, i, i + 1).reshape(4, 4));
        }
        return h.sumAll();
    }

    private static List<Tensor> arguments() {
        var random = new Random(5);
        return TYPES.stream()
                .map(type -> (Tensor) Array.of(
                        type, random.doubles(type.size()).map(x -> x - 0.5).toArray()))
                .toList();
    }

    private static float[] floats(Tensor tensor) {
        return ((Array) tensor).toFloats();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void isTheGradientOfTheStepsOneAfterTheOther(boolean checkpoint) {
        var in = arguments();
        var expected = Autograd.valueAndGrad(ScanGradientTest::unrolled, in);
        var got = Autograd.valueAndGrad(list -> looped(list, checkpoint), in);
        assertArrayEquals(floats(expected.value()), floats(got.value()), 1e-5f);
        for (int i = 0; i < in.size(); i++) {
            assertArrayEquals(
                    floats(expected.gradient().get(i)), floats(got.gradient().get(i)), 1e-5f, "operand " + i);
        }
    }

    private static Program gradient(boolean checkpoint) {
        return Trace.of(
                "gradient",
                in -> Autograd.valueAndGrad(list -> looped(list, checkpoint), in)
                        .gradient(),
                TYPES);
    }

    private static List<Equation> loops(Program program) {
        return program.body().stream()
                .filter(equation -> equation.prim() instanceof Primitive.Scan)
                .toList();
    }

    @Test
    void isALoopInTheOppositeOrderOverWhatTheForwardOneKept() {
        for (boolean checkpoint : new boolean[] {false, true}) {
            var loops = loops(gradient(checkpoint));
            assertEquals(2, loops.size());
            var forward = (Primitive.Scan) loops.get(0).prim();
            var backward = (Primitive.Scan) loops.get(1).prim();
            assertTrue(!forward.reverse() && backward.reverse());
            // The last state, then one stack of the states before each step; or of all that a step's gradient uses.
            var kept = loops.get(0).out().subList(1, loops.get(0).out().size());
            assertEquals(checkpoint, kept.size() == 1);
            kept.forEach(stack -> assertEquals(LENGTH, stack.dim(0)));
            boolean recomputes = backward.body().body().stream()
                    .anyMatch(equation -> equation.prim() instanceof Primitive.RmsNorm
                            || equation.prim().mnemonic().equals("logistic"));
            assertEquals(checkpoint, recomputes);
        }
    }

    @Test
    void loopsWithoutDifferentiatedOperandsKeepNothing() {
        var program = Trace.of(
                "other",
                in -> List.of(Autograd.valueAndGrad(x -> x.mul(looped(in.subList(1, 4), false)), in.getFirst())
                        .gradient()),
                List.of(TensorType.f32(), TYPES.get(0), TYPES.get(1), TYPES.get(2)));
        assertEquals(
                List.of(1),
                loops(program).stream().map(loop -> loop.out().size()).toList());
    }

    /** d/dx of x^8, by squaring three times, differentiated twice: 56 x^6. */
    @Test
    void isItselfDifferentiable() {
        var steps = Array.of(Shape.of(3), 0, 0, 0f);
        var x = Array.scalar(1.1f);
        var second = Autograd.valueAndGrad(
                outer -> Autograd.valueAndGrad(
                                inner -> Loop.over(List.of(steps))
                                        .scan(
                                                (carries, _, _) ->
                                                        List.of(carries.get(0).mul(carries.get(0))),
                                                List.of(inner))
                                        .getFirst(),
                                outer)
                        .gradient(),
                (Tensor) x);
        assertEquals(8 * Math.pow(1.1, 7), ((Array) second.value()).item(), 1e-4);
        assertEquals(56 * Math.pow(1.1, 6), ((Array) second.gradient()).item(), 1e-3);
    }

    /** The bias is a carry that every step hands on. */
    private static Tensor handedOn(List<Tensor> in) {
        var last = Loop.over(List.of(in.get(2)))
                .scan(
                        (carries, _, slices) ->
                                List.of(step(carries.get(0), carries.get(1), slices.getFirst()), carries.get(1)),
                        List.of(in.get(0), in.get(1)));
        return last.get(0).sumAll().add(last.get(1).sumAll());
    }

    @Test
    void carryThatIsHandedOnHasItsGradientOnce() {
        var in = arguments();
        var expected =
                Autograd.valueAndGrad(list -> unrolled(list).add(list.get(1).sumAll()), in);
        var got = Autograd.valueAndGrad(ScanGradientTest::handedOn, in);
        for (int i = 0; i < in.size(); i++) {
            assertArrayEquals(
                    floats(expected.gradient().get(i)), floats(got.gradient().get(i)), 1e-5f, "operand " + i);
        }
    }
}
