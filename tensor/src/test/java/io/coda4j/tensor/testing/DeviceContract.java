package io.coda4j.tensor.testing;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Legalizer;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Layout;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What every device must do. A test class for a device implements this and names the device; a gap is declared as a
 * {@link Limitation} and reported as skipped.
 */
public interface DeviceContract {
    /** For {@link #every}. */
    int SOME = Integer.getInteger("contract.every", 3);

    /** The device under test; the same one at every call. */
    Device subject();

    /** What the device is known not to do. */
    default List<Limitation> limitations() {
        return List.of();
    }

    /** The floating-point types to test. */
    default List<DType> floats() {
        return List.of(DType.F32, DType.BF16);
    }

    /** Whether the device reports an id that is outside a table. */
    default boolean checksIds() {
        return true;
    }

    /**
     * Of how many cases of a primitive one is run where the device is compared with itself. Devices that take long to build
     * programs give {@link #SOME}; {@code -Dtest.jvm.extra=-Dcontract.every=1} runs all.
     */
    default int every() {
        return 1;
    }

    /** Every primitive gives what the reference gives: values, types and, run eagerly, on the device. Some cases of F16, too. */
    @TestFactory
    default Stream<DynamicTest> computesWhatTheReferenceComputes() {
        return Stream.concat(
                tests(_ -> true, 1, this::checkAgainstReference),
                tests(DType.F16, OpTable.halves(), _ -> true, 1, this::checkAgainstReference));
    }

    private void checkAgainstReference(OpCase c) {
        var inputs = c.inputs(1);
        var expected = run(OpTable.reference(), program(c), inputs);
        checkCase(c, "on " + subject().name(), expected, run(subject(), program(c), inputs));
        for (var result : new Eager(subject()).apply(c.prim(), List.copyOf(inputs))) {
            assertEquals(subject(), ((Array) result).device(), c.name());
        }
    }

    /** A fused primitive gives what its meaning in core primitives gives. */
    @TestFactory
    default Stream<DynamicTest> computesFusedPrimitivesAsTheirMeaning() {
        return tests(c -> c.prim() instanceof Primitive.Fused, c -> {
            var inputs = c.inputs(2);
            var meaning = Legalizer.legalise(program(c), (_, _) -> false);
            assertTrue(meaning.body().stream().allMatch(equation -> equation.prim() instanceof Primitive.Core));
            checkCase(c, "fused against meaning", run(subject(), meaning, inputs), run(subject(), program(c), inputs));
        });
    }

    /** Results may be written over operands that are not needed afterwards, given by the caller or computed before. */
    @TestFactory
    default Stream<DynamicTest> computesInPlace() {
        return tests(c -> elementwise(c.prim()) || c.prim() instanceof Primitive.DynamicUpdateSlice, c -> {
            var inputs = c.inputs(5);
            var expected = run(subject(), program(c), inputs);
            var all = IntStream.range(0, inputs.size()).boxed().collect(Collectors.toSet());
            var copies = c.inputs(5).stream().map(array -> array.to(subject())).toList();
            try (var executable = subject().compile(program(c).donating(all), Layout.DENSE)) {
                checkCase(c, "in donated storage", expected, executable.run(copies));
            }
            var between =
                    Trace.of("between", in -> copied(Interpreter.current().apply(c.prim(), copied(in))), c.types());
            checkCase(c, "between other equations", expected, run(subject(), between, inputs));
        });
    }

    /** The same values in storage of the program's own. */
    private static List<Tensor> copied(List<Tensor> tensors) {
        return tensors.stream()
                .map(x -> x.then(new Primitive.Slice(
                        Collections.nCopies(x.rank(), 0), x.shape().toList())))
                .toList();
    }

    /** Where elements are independent, reversing the operands reverses the results: no lane is special. */
    @TestFactory
    default Stream<DynamicTest> treatsEveryElementAlike() {
        return tests(c -> elementwise(c.prim()) && c.types().getFirst().size() > 1, c -> {
            var inputs = c.inputs(3);
            var reversed = inputs.stream().map(DeviceContract::reversed).toList();
            var back = run(subject(), program(c), reversed).stream()
                    .map(DeviceContract::reversed)
                    .toList();
            checkCase(c, "of reversed operands, reversed", run(subject(), program(c), inputs), back);
        });
    }

    /** Where rows are independent, a row alone gives what it gives among others. */
    @TestFactory
    default Stream<DynamicTest> treatsEveryRowAlike() {
        return tests(c -> batched(c) > 0 && c.types().getFirst().dim(0) > 1, c -> {
            var inputs = c.inputs(4);
            int rows = c.types().getFirst().dim(0);
            var whole = run(subject(), program(c), inputs);
            var reference = new Eager(OpTable.reference());
            int row = rows - 1;
            var alone = new ArrayList<Array>();
            for (int i = 0; i < inputs.size(); i++) {
                var input = inputs.get(i);
                boolean isBatched = i < batched(c);
                alone.add(isBatched ? (Array) reference.run(() -> input.slice(0, row, rows)) : input);
            }
            var types = alone.stream().map(Array::type).toList();
            var got = run(subject(), Trace.of("row", in -> Interpreter.current().apply(c.prim(), in), types), alone);
            for (int k = 0; k < got.size(); k++) {
                var result = whole.get(k).to(OpTable.reference());
                var expected = (Array) reference.run(() -> result.slice(0, row, rows));
                Comparison.check(c.name() + ": last row alone, result " + k, expected, got.get(k), c.tolerance(k));
            }
        });
    }

    /** A compiled program gives what its equations give one by one, also the second time and with other arguments. */
    @TestFactory
    default Stream<DynamicTest> runsProgramsAsTheirEquations() {
        return LongStream.range(0, 60)
                .mapToObj(seed -> DynamicTest.dynamicTest("program " + seed, () -> {
                    try (var _ = Scope.open()) {
                        var program = RandomProgram.of(seed).donating(Set.of());
                        try (var executable = subject().compile(program, new Layout(Set.of(0, 4)))) {
                            var frozen = arrays(onDevice(RandomProgram.arguments(1)));
                            for (int time = 1; time <= 3; time++) {
                                var args = new ArrayList<>(arrays(onDevice(RandomProgram.arguments(time))));
                                args.set(0, frozen.get(0));
                                args.set(4, frozen.get(4));
                                checkProgram(program, time, args, executable.run(args));
                            }
                        }
                    }
                }));
    }

    /** Donating arguments changes no result, and consumes the arguments. */
    @TestFactory
    default Stream<DynamicTest> runsProgramsInDonatedStorage() {
        return LongStream.range(100, 160)
                .mapToObj(seed -> DynamicTest.dynamicTest("program " + seed, () -> {
                    try (var _ = Scope.open()) {
                        var program = RandomProgram.of(seed);
                        try (var executable = subject().compile(program, Layout.DENSE)) {
                            for (int time = 1; time <= 2; time++) {
                                var args = arrays(onDevice(RandomProgram.arguments(time)));
                                var kept = arrays(onDevice(RandomProgram.arguments(time)));
                                checkProgram(program, time, kept, executable.run(args));
                                program.donated()
                                        .forEach(i -> assertThrows(IllegalStateException.class, args.get(i)::buffer));
                            }
                        }
                    }
                }));
    }

    /** Threads that share the device, and frozen arguments, get what one thread alone gets, bit for bit. */
    @Test
    default void servesSeveralThreadsAtOnce() {
        var seeds = List.of(200L, 201L, 202L, 203L);
        var frozen = arrays(onDevice(RandomProgram.arguments(1)));
        var expected = seeds.stream().map(seed -> runOften(seed, 1, frozen)).toList();
        try (var threads = Executors.newFixedThreadPool(seeds.size())) {
            var running = seeds.stream()
                    .map(seed -> threads.submit(() -> runOften(seed, 10, frozen)))
                    .toList();
            for (int i = 0; i < seeds.size(); i++) {
                assertEquals(expected.get(i), result(running.get(i)), "program " + seeds.get(i));
            }
        }
    }

    private static <T> T result(Future<T> running) {
        try {
            return running.get();
        } catch (InterruptedException | ExecutionException e) {
            throw new AssertionError(e);
        }
    }

    /** What a program and its equations one by one give, the same at all {@code times}; their values as texts. */
    private List<String> runOften(long seed, int times, List<Array> frozen) {
        var program = RandomProgram.of(seed).donating(Set.of());
        var eager = new Eager(subject());
        List<String> first = List.of();
        for (int time = 0; time < times; time++) {
            try (var _ = Scope.open();
                    var executable = subject().compile(program, new Layout(Set.of(0, 4)))) {
                var args = new ArrayList<>(arrays(onDevice(RandomProgram.arguments(2))));
                args.set(0, frozen.get(0));
                args.set(4, frozen.get(4));
                var got = new ArrayList<>(executable.run(args));
                got.addAll(executable.run(args));
                got.addAll(arrays(eager.run(() -> program.call(List.copyOf(args)))));
                var values =
                        got.stream().map(x -> Arrays.toString(x.toDoubles())).toList();
                first = time == 0 ? values : first;
                assertEquals(first, values, "program " + seed + ", run " + time);
            }
        }
        return first;
    }

    /** A value arrives in native memory and in a Java array. */
    @Test
    default void downloadsIntoMemoryOfBothKinds() {
        float[] values = {1, -2, 3, 4, 5, -6, 7};
        try (var array = Array.of(Shape.of(values.length), values).to(subject());
                var arena = Arena.ofConfined()) {
            var outside = arena.allocate(array.type().byteSize(), Float.BYTES);
            array.buffer().download(outside);
            var inside = new float[values.length];
            array.buffer().download(MemorySegment.ofArray(inside));
            assertArrayEquals(values, outside.toArray(ValueLayout.JAVA_FLOAT));
            assertArrayEquals(values, inside);
        }
    }

    /** An id outside a table is an error that names it. */
    @Test
    default void reportsIdsOutsideTheTable() {
        Assumptions.assumeTrue(checksIds(), "the device cannot tell");
        var eager = new Eager(subject());
        for (int id : new int[] {-1, 3}) {
            var ids = Array.of(Shape.of(4), 0, 2, id, 1);
            var take = assertThrows(
                    DeviceException.class,
                    () -> eager.apply(new Primitive.TakeRows(), List.of(Array.of(Shape.of(3, 2), new float[6]), ids)));
            var scatter = assertThrows(
                    DeviceException.class,
                    () -> eager.apply(
                            new Primitive.ScatterAddRows(3), List.of(ids, Array.of(Shape.of(4, 2), new float[8]))));
            for (var error : List.of(take, scatter)) {
                assertTrue(error.getMessage().contains("id " + id), error::getMessage);
                assertTrue(error.getMessage().contains("position 2"), error::getMessage);
                assertTrue(error.getMessage().contains("0..2"), error::getMessage);
            }
            assertTrue(take.getMessage().contains("takeRows"), take::getMessage);
            assertTrue(scatter.getMessage().contains("scatterAddRows"), scatter::getMessage);
        }
    }

    /** A captured array is part of the program, whatever becomes of the array. */
    @Test
    default void copiesCapturedArrays() {
        var captured = Array.of(Shape.of(3), 1, 2, 3f);
        var program = Trace.of("captures", in -> List.of(in.getFirst().add(captured)), List.of(TensorType.f32(3)));
        try (var executable = subject().compile(program, Layout.DENSE)) {
            captured.close();
            var x = Array.of(Shape.of(3), 10, 20, 30f).to(subject());
            assertEquals(
                    List.of(11f, 22f, 33f), boxed(executable.run(List.of(x)).getFirst()));
        }
    }

    private static List<Float> boxed(Array array) {
        var values = new ArrayList<Float>();
        for (float value : array.toFloats()) {
            values.add(value);
        }
        return values;
    }

    private Stream<DynamicTest> tests(Predicate<OpCase> filter, Consumer<OpCase> test) {
        return tests(filter, every(), test);
    }

    private Stream<DynamicTest> tests(Predicate<OpCase> filter, int every, Consumer<OpCase> test) {
        return floats().stream().flatMap(real -> tests(real, OpTable.cases(real), filter, every, test));
    }

    /** One test for each primitive over one of {@code every} of its cases, and one skipped for each limited case. */
    private Stream<DynamicTest> tests(
            DType real, List<OpCase> cases, Predicate<OpCase> filter, int every, Consumer<OpCase> test) {
        var counts = new HashMap<String, Integer>();
        var groups = new LinkedHashMap<String, List<OpCase>>();
        var skipped = new ArrayList<DynamicTest>();
        for (var c : cases) {
            var limitation =
                    limitations().stream().filter(l -> l.applies().test(c)).findFirst();
            limitation.ifPresent(
                    l -> skipped.add(DynamicTest.dynamicTest(c.name(), () -> Assumptions.abort(l.reason()))));
            boolean isWanted = limitation.isEmpty() && filter.test(c);
            if (isWanted && (counts.merge(c.prim().mnemonic(), 1, Integer::sum) - 1) % every == 0) {
                groups.computeIfAbsent(c.prim().mnemonic(), _ -> new ArrayList<>())
                        .add(c);
            }
        }
        return Stream.concat(
                groups.entrySet().stream()
                        .map(group -> DynamicTest.dynamicTest(
                                group.getKey() + ", floats " + real, () -> checkAll(group.getValue(), test))),
                skipped.stream());
    }

    /** Runs all cases and reports all failures together. */
    private static void checkAll(List<OpCase> cases, Consumer<OpCase> test) {
        Assertions.assertAll(cases.stream().map(c -> () -> {
            try (var _ = Scope.open()) {
                test.accept(c);
            }
        }));
    }

    private static Program program(OpCase c) {
        return Trace.of(c.prim().mnemonic(), in -> Interpreter.current().apply(c.prim(), in), c.types());
    }

    private static void checkCase(OpCase c, String what, List<Array> expected, List<Array> got) {
        for (int k = 0; k < expected.size(); k++) {
            Comparison.check(c.name() + " " + what + ", result " + k, expected.get(k), got.get(k), c.tolerance(k));
        }
    }

    private void checkProgram(Program program, int time, List<Array> args, List<Array> got) {
        var eager = new Eager(subject());
        var expected = eager.run(() -> program.call(List.copyOf(args)));
        for (int k = 0; k < got.size(); k++) {
            // Errors may grow from equation to equation.
            var tolerance = Tolerance.of(got.get(k).type().dtype(), 10_000);
            var what = program + "run " + time + ", result " + k;
            Comparison.check(what, ((Array) expected.get(k)).to(subject()), got.get(k), tolerance);
        }
    }

    /** The second of two runs. */
    private static List<Array> run(Device device, Program program, List<Array> args) {
        try (var executable = device.compile(program, Layout.DENSE)) {
            var there = args.stream().map(array -> array.to(device)).toList();
            executable.run(there);
            return executable.run(there);
        }
    }

    private List<Tensor> onDevice(List<Array> arrays) {
        return arrays.stream().map(array -> (Tensor) array.to(subject())).toList();
    }

    private static List<Array> arrays(List<Tensor> tensors) {
        return tensors.stream().map(tensor -> (Array) tensor).toList();
    }

    private static Array reversed(Array array) {
        if (array.rank() == 0) {
            return array;
        }
        var values = new ArrayList<Double>();
        for (double value : array.toDoubles()) {
            values.add(value);
        }
        Collections.reverse(values);
        return Array.of(
                array.type(), values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    /** Whether each element of each result depends on the elements of the same index alone. */
    private static boolean elementwise(Primitive prim) {
        return switch (prim) {
            case Primitive.Unary _,
                    Primitive.Binary _,
                    Primitive.Compare _,
                    Primitive.Select _,
                    Primitive.Convert _,
                    Primitive.SwiGlu _,
                    Primitive.SwiGluGrad _,
                    Primitive.AdamW _ -> true;
            default -> false;
        };
    }

    /** How many leading operands, and all results, have axis 0 in common as an axis of independent rows. */
    private static int batched(OpCase c) {
        return switch (c.prim()) {
            case Primitive.RmsNorm _, Primitive.Softmax _ ->
                c.types().getFirst().rank() > 1 ? 1 : 0;
            case Primitive.Rope _ -> 1;
            case Primitive.Attention _ -> 5;
            case Primitive.CrossEntropy _ -> 2;
            case Primitive.CrossEntropyGrad _ -> 4;
            case Primitive.ArgMax(int axis) -> axis > 0 ? 1 : 0;
            case Primitive.Reduce(var _, var axes) -> axes.contains(0) ? 0 : 1;
            case Primitive.Dot dot
            when dot.lhsBatch().isEmpty() && !dot.lhsContract().contains(0) -> 1;
            default -> 0;
        };
    }
}
