package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.cpu.CpuDevice;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Layout;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class CompiledTest {
    public record State(Tensor weight, Tensor moment) {}

    public record Step(State state, Tensor batch, int factor) {}

    public record Outcome(State state, Tensor loss) {}

    private final AtomicInteger traces = new AtomicInteger();

    private Outcome step(Step in) {
        traces.incrementAndGet();
        var moment = in.state.moment.mul(0.5).add(in.batch);
        var weight = in.state.weight.sub(moment.mul(in.factor));
        return new Outcome(new State(weight, moment), weight.mul(weight).sumAll());
    }

    private Compiled<Step, Outcome> compiled() {
        return Compiled.of("step", this::step, Devices.defaultDevice());
    }

    private static Array row(float... values) {
        return Array.of(Shape.of(values.length), values);
    }

    private static Step input() {
        return new Step(new State(row(1, 2), row(4, 8)), row(1, 1), 2);
    }

    private static float[] floats(Tensor tensor) {
        return ((Array) tensor).toFloats();
    }

    @Test
    void givesWhatTheFunctionGives() {
        try (var compiled = compiled()) {
            var expected = step(input());
            var got = compiled.apply(input());
            assertArrayEquals(floats(expected.state.weight), floats(got.state.weight));
            assertArrayEquals(floats(expected.state.moment), floats(got.state.moment));
            assertArrayEquals(floats(expected.loss), floats(got.loss));
        }
    }

    @Test
    void tracesOncePerStructure() {
        try (var compiled = compiled()) {
            compiled.apply(input());
            compiled.apply(input());
            assertEquals(1, traces.get());
            var in = input();
            var other = compiled.apply(new Step(in.state, in.batch, 3));
            assertEquals(2, traces.get(), "a static value is part of the structure");
            assertArrayEquals(new float[] {1 - 9, 2 - 15}, floats(other.state.weight));
            compiled.apply(new Step(new State(row(1), row(1)), row(1), 2));
            assertEquals(3, traces.get(), "so are the types of the tensors");
            compiled.apply(input());
            assertEquals(3, traces.get());
        }
    }

    @Test
    void donatedArgumentsAreConsumedAndTheirStorageHoldsTheResults() {
        try (var compiled = compiled().donating("state.**")) {
            var in = input();
            var weight = (Array) in.state.weight;
            var storage = weight.buffer();
            var out = compiled.apply(in);
            assertSame(storage, ((Array) out.state.weight).buffer());
            var error = assertThrows(IllegalStateException.class, weight::buffer);
            assertTrue(error.getMessage().contains("donated to a program"), error::getMessage);
            assertTrue(error.getMessage().contains("use the program's result instead"), error::getMessage);
            assertArrayEquals(new float[] {1, 1}, floats(in.batch));
            var memory = compiled.memory(input());
            assertEquals(16, memory.donated());
            assertEquals(3 * 8, memory.arguments());
            assertEquals(2 * 8 + 4, memory.results());
        }
    }

    @Test
    void consumedArgumentCannotBeUsedAgain() {
        try (var compiled = compiled().donating("state.*")) {
            var in = input();
            compiled.apply(in);
            assertThrows(IllegalStateException.class, () -> compiled.apply(in));
        }
    }

    @Test
    void argumentWithoutValueLeavesDonatedOnesAsTheyWere() {
        try (var compiled = compiled().donating("state.*")) {
            var in = input();
            ((Array) in.batch).close();
            assertThrows(IllegalStateException.class, () -> compiled.apply(in));
            assertArrayEquals(new float[] {1, 2}, floats(in.state.weight), "nothing was consumed");
        }
    }

    @Test
    void donatedArrayMayNotStandAtTwoPlaces() {
        try (var compiled = compiled().donating("state.weight")) {
            var shared = row(1, 2);
            var error = assertThrows(
                    IllegalArgumentException.class,
                    () -> compiled.apply(new Step(new State(shared, shared), row(1, 1), 2)));
            assertEquals("program step: a donated array was passed more than once", error.getMessage());
            assertArrayEquals(new float[] {1, 2}, shared.toFloats(), "nothing was consumed");
        }
    }

    @Test
    void frozenArgumentMustStayTheSameArray() {
        try (var compiled = Compiled.of(
                        "infer", (Step in) -> in.batch.mul(in.state.weight.exp()), Devices.defaultDevice())
                .freezing("state.*")) {
            var in = input();
            assertArrayEquals(floats(in.batch.mul(in.state.weight.exp())), floats(compiled.apply(in)));
            var next = new Step(in.state, row(5, 6), 2);
            assertArrayEquals(floats(next.batch.mul(in.state.weight.exp())), floats(compiled.apply(next)));
            var error = assertThrows(IllegalArgumentException.class, () -> compiled.apply(input()));
            assertTrue(error.getMessage().contains("is frozen"), error::getMessage);
            assertTrue(error.getMessage().contains("must be the same array on every call"), error::getMessage);
        }
    }

    @Test
    void argumentCannotBeDonatedAndFrozen() {
        try (var compiled = compiled().donating("state.*").freezing("state.weight")) {
            var error = assertThrows(IllegalArgumentException.class, () -> compiled.apply(input()));
            assertTrue(error.getMessage().contains("both donated and frozen"), error::getMessage);
        }
    }

    @Test
    void patternWithoutMatchListsTheArguments() {
        try (var compiled = compiled().donating("state.wieght")) {
            var error = assertThrows(IllegalArgumentException.class, () -> compiled.apply(input()));
            assertEquals(
                    "step: no argument matches 'state.wieght'; arguments are [state.weight, state.moment, batch]",
                    error.getMessage());
        }
    }

    /** Two patterns may cover the same argument. */
    @Test
    void patternsMayOverlap() {
        try (var compiled = compiled().donating("state.**", "state.weight")) {
            assertEquals(2, compiled.program(input()).donated().size());
        }
    }

    @Test
    void tracedArgumentIsRefused() {
        try (var compiled = compiled()) {
            var in = new Step(new State(new Symbol(TensorType.f32(2)), row(1, 2)), row(1, 2), 1);
            var error = assertThrows(IllegalStateException.class, () -> compiled.apply(in));
            assertTrue(error.getMessage().contains("argument 'state.weight' is a traced f32[2]"), error::getMessage);
        }
    }

    @Test
    void argumentsFromAnotherDeviceAreCopied() {
        try (var other = CpuDevice.withThreads(1);
                var compiled = Compiled.of("double", (Tensor x) -> x.mul(2), other)) {
            var result = (Array) compiled.apply(row(1, 2));
            assertSame(other, result.device());
            assertArrayEquals(new float[] {2, 4}, result.toFloats());
        }
    }

    @Test
    void resultsMayBeArgumentsConstantsAndRepeated() {
        try (var compiled = Compiled.of(
                "odd",
                (Tensor x) -> {
                    var y = x.neg();
                    return List.of(x, y, y, y.reshape(2, 1), row(7, 8));
                },
                Devices.defaultDevice())) {
            var x = row(1, 2);
            var first = compiled.apply(x);
            x.close();
            ((Array) first.get(1)).close();
            assertArrayEquals(new float[] {1, 2}, floats(first.get(0)));
            assertArrayEquals(new float[] {-1, -2}, floats(first.get(2)));
            assertEquals(Shape.of(2, 1), first.get(3).shape());
            assertArrayEquals(new float[] {7, 8}, floats(first.get(4)));
            assertNotSame(
                    ((Array) first.get(4)).buffer(),
                    ((Array) compiled.apply(row(1, 2)).get(4)).buffer());
        }
    }

    @Test
    void argumentOfTheWrongTypeIsNamed() {
        var program = Trace.of("p", in -> List.of(in.getFirst().exp()), List.of(TensorType.f32(2)));
        try (var executable = Devices.defaultDevice().compile(program, Layout.DENSE)) {
            var wrong = assertThrows(IllegalArgumentException.class, () -> executable.run(List.of(row(1, 2, 3))));
            assertEquals("program p: argument 0 must be f32[2], got f32[3]", wrong.getMessage());
            var count = assertThrows(IllegalArgumentException.class, () -> executable.run(List.of()));
            assertEquals("program p takes 1 arguments, got 0", count.getMessage());
            try (var other = CpuDevice.withThreads(1)) {
                var elsewhere = assertThrows(
                        IllegalArgumentException.class,
                        () -> executable.run(List.of(row(1, 2).to(other))));
                assertTrue(elsewhere.getMessage().contains("argument 0 is on cpu"), elsewhere::getMessage);
            }
        }
    }

    /** It would compile again, and nobody would release what the device holds for that. */
    @Test
    void closedFunctionIsNotUsed() {
        var compiled = compiled();
        compiled.apply(input());
        compiled.close();
        compiled.close();
        for (var use : List.<Executable>of(
                () -> compiled.apply(input()), () -> compiled.memory(input()), () -> compiled.program(input()))) {
            var closed = assertThrows(IllegalStateException.class, use);
            assertEquals("step was closed; close it after its last use, or compile it again", closed.getMessage());
        }
        assertEquals(1, traces.get());
    }

    @Test
    void closedProgramDoesNotRun() {
        var program = Trace.of("p", in -> List.of(in.getFirst().exp()), List.of(TensorType.f32(2)));
        var executable = Devices.defaultDevice().compile(program, Layout.DENSE);
        executable.close();
        executable.close();
        var closed = assertThrows(IllegalStateException.class, () -> executable.run(List.of(row(1, 2))));
        assertEquals("program p was closed", closed.getMessage());
    }
}
