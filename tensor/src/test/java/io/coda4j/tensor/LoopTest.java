package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Layout;
import java.util.List;
import org.junit.jupiter.api.Test;

class LoopTest {
    private static final TensorType X = TensorType.f32(3);

    /** Sums so far, and the last sum: of stack[0] + c, stack[1] + c, and so on. */
    private static List<Tensor> sums(Tensor stack, Tensor first, Tensor c, boolean reverse) {
        return new Loop(List.of(stack), List.of(c), reverse, false)
                .scan(
                        (carries, constants, slices) -> {
                            var sum = carries.getFirst().add(slices.getFirst()).add(constants.getFirst());
                            return List.of(sum, sum);
                        },
                        List.of(first));
    }

    private static void gives(List<Tensor> results, float[] last, float... all) {
        assertArrayEquals(last, ((Array) results.get(0)).toFloats());
        assertArrayEquals(all, ((Array) results.get(1)).toFloats());
    }

    @Test
    void stepsFollowEachOther() {
        var stack = Array.of(Shape.of(3, 2), 1, 2, 10, 20, 100, 200f);
        var first = Array.of(Shape.of(2), 0.5f, 0);
        var c = Array.of(Shape.of(2), 0, 1f);
        gives(sums(stack, first, c, false), new float[] {111.5f, 225}, 1.5f, 3, 11.5f, 24, 111.5f, 225);
        gives(sums(stack, first, c, true), new float[] {111.5f, 225}, 111.5f, 225, 110.5f, 222, 100.5f, 201);
    }

    @Test
    void resultsAreArraysOfTheirOwn() {
        var stack = Array.of(Shape.of(2, 1), 1, 2f);
        var first = Array.of(Shape.of(1), 5f);
        var results = new Loop(List.of(stack), List.of(), false, false)
                .scan((carries, _, _) -> List.of(carries.getFirst(), carries.getFirst()), List.of(first, first));
        ((Array) results.getFirst()).close();
        assertArrayEquals(new float[] {5}, first.toFloats());
        assertArrayEquals(new float[] {5}, ((Array) results.get(1)).toFloats());
    }

    private static Program traced(int length) {
        return Trace.of(
                "sums", in -> sums(in.get(0), in.get(1), in.get(2), true), List.of(TensorType.f32(length, 3), X, X));
    }

    @Test
    void isOneEquationWhoseBodyIsListedBelow() {
        assertEquals("""
                program sums(%0:f32[4,3], %1:f32[3], %2:f32[3]) {
                  %3:f32[3], %4:f32[4,3] = scan(body=body, length=4, carries=1, constants=1, reverse=true, \
                checkpoint=false) %1 %2 %0 of
                    program body(%0:f32[3], %1:f32[3], %2:f32[3]) {
                      %3:f32[3] = add %0 %2
                      %4:f32[3] = add %3 %1
                      return %4 %4
                    }
                  return %3 %4
                }
                """, traced(4).toString());
    }

    @Test
    void outputsAreWrittenWhereTheyStay() {
        var program = Trace.of(
                "sums",
                in -> sums(in.get(0), in.get(1), in.get(2), true),
                List.of(TensorType.f32(64, 1024), TensorType.f32(1024), TensorType.f32(1024)));
        try (var executable = Devices.defaultDevice().compile(program, Layout.DENSE)) {
            long stack = 64 * 4096;
            var memory = executable.memory();
            assertEquals(stack + 4096, memory.results());
            // The stack while it grows, the row of a step or two, and the number of each.
            assertTrue(memory.temporaries() < stack + 10 * 4096, memory::toString);
        }
    }

    @Test
    void bodiesThatDoNotFitAreErrors() {
        fails(
                "operand 2 (stack of 4) must be f32[4,3], got f32[5,3]",
                () -> scan(1, 1).infer(List.of(X, X, rows(5))));
        fails("operand 0 (carry) must be f32[3]", () -> scan(1, 1).infer(List.of(rows(4), X, rows(4))));
        fails("takes 3 operands, got 1", () -> scan(1, 1).infer(List.of(X)));
        fails("has 4 carries and 0 constants of 3 parameters", () -> scan(4, 0).infer(List.of(X, X, X)));
        var turned = Trace.of("turned", in -> List.of(in.getFirst().neg().reshape(1, 3)), List.of(X, X));
        fails(
                "carry 0 must keep its type; the body makes it f32[1,3]",
                () -> new Primitive.Scan(turned, 4, 1, 0, false, false).infer(List.of(X, rows(4))));
        fails(
                "body gives 1 of 2 carries",
                () -> new Primitive.Scan(turned, 4, 2, 0, false, false).infer(List.of(X, X)));
        fails(
                "at least one step, got 0",
                () -> new Primitive.Scan(turned, 0, 1, 0, false, false).infer(List.of(X, rows(0))));
        assertThrows(IllegalArgumentException.class, () -> Loop.over(List.of()));
    }

    private static TensorType rows(int count) {
        return TensorType.f32(count, 3);
    }

    private static Primitive.Scan scan(int carries, int constants) {
        var body = ((Primitive.Scan) traced(4).body().getFirst().prim()).body();
        return new Primitive.Scan(body, 4, carries, constants, false, false);
    }

    private static void fails(String message, Runnable action) {
        var error = assertThrows(ShapeException.class, action::run);
        assertTrue(error.getMessage().contains(message), error::getMessage);
    }
}
