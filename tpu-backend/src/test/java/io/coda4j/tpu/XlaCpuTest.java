package io.coda4j.tpu;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.Comparison;
import io.coda4j.tensor.testing.Domain;
import io.coda4j.tensor.testing.OpCase;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.RandomProgram;
import io.coda4j.tensor.testing.Requirement;
import io.coda4j.tensor.testing.Tolerance;
import io.coda4j.tpu.testing.XlaDeviceProvider;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.function.Executable;

/** Runs the text on a real XLA and compares the numbers with the reference device. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class XlaCpuTest {
    /** How many cases of a primitive to run, about; all: {@code -Dtest.jvm.extra=-Dxla.cases=1000}. */
    private static final int SAMPLE = Integer.getInteger("xla.cases", 6);

    private static final List<Double> SPECIAL = List.of(
            0.0,
            -0.0,
            1.0,
            -7.0,
            0.1,
            1e-40,
            1e-320,
            16777217.0,
            3e38,
            1e300,
            2147483647.0,
            -2147483648.0,
            Double.POSITIVE_INFINITY,
            Double.NEGATIVE_INFINITY,
            Double.NaN);

    private Device xla;

    @BeforeAll
    void open() {
        var provider = new XlaDeviceProvider();
        Requirement.require("xla", provider.unusableBecause());
        xla = provider.open("");
    }

    /** One program for all cases of a primitive, because XLA takes longer to start than to compile another operation. */
    @TestFactory
    Stream<DynamicTest> everyCaseGivesWhatTheReferenceGives() {
        return Stream.of(DType.F32, DType.BF16, DType.F16).flatMap(real -> {
            var groups = new LinkedHashMap<String, List<OpCase>>();
            for (var c : real == DType.F16 ? OpTable.halves() : OpTable.cases(real)) {
                groups.computeIfAbsent(c.prim().mnemonic(), _ -> new ArrayList<>())
                        .add(c);
            }
            return groups.entrySet().stream()
                    .map(group -> DynamicTest.dynamicTest(
                            group.getKey() + ", floats " + real,
                            () -> check(group.getKey(), sample(group.getValue()))));
        });
    }

    /** All cases with special values, and of the others as many as there is time for, from everywhere in the table. */
    private static List<OpCase> sample(List<OpCase> cases) {
        int step = Math.max(1, cases.size() / SAMPLE);
        return IntStream.range(0, cases.size())
                .filter(i -> i % step == 0 || isSpecial(cases.get(i)))
                .mapToObj(cases::get)
                .toList();
    }

    private static boolean isSpecial(OpCase c) {
        return c.operands().stream().anyMatch(operand -> operand.domain() instanceof Domain.Cycle);
    }

    private void check(String name, List<OpCase> cases) {
        try (var _ = Scope.open()) {
            var types = cases.stream().flatMap(c -> c.types().stream()).toList();
            var arguments = cases.stream()
                    .flatMap(c -> c.inputs(1).stream())
                    .map(XlaCpuTest::withoutSubnormals)
                    .toList();
            var program = Trace.of(name, in -> all(cases, in), types);
            var expected = reference(program, arguments);
            var got = xla(program, arguments);
            var checks = new ArrayList<Executable>();
            for (var c : cases) {
                for (int k = 0; k < c.results().size(); k++) {
                    int index = checks.size();
                    var what = c.name() + ", result " + k;
                    var tolerance = strict(c.tolerance(k), c.results().get(k).dtype());
                    checks.add(() -> Comparison.check(what, expected.get(index), got.get(index), tolerance));
                }
            }
            Assertions.assertAll(checks);
        }
    }

    /** XLA rounds BF16 once, at the end of an operation: 2 units in the last place are enough, where the table allows 4. */
    private static Tolerance strict(Tolerance tolerance, DType dtype) {
        return dtype == DType.BF16 && tolerance.relative() > 0
                ? new Tolerance(tolerance.relative() - 2 * 0x1p-7, tolerance.floor(), tolerance.scaled())
                : tolerance;
    }

    /** Values that are shared, dropped, tied by barriers, returned twice, and written over donated parameters. */
    @TestFactory
    Stream<DynamicTest> programsGiveWhatTheReferenceGives() {
        return LongStream.range(0, 10)
                .mapToObj(seed -> DynamicTest.dynamicTest("program " + seed, () -> {
                    try (var _ = Scope.open()) {
                        var program = RandomProgram.of(seed);
                        var arguments = RandomProgram.arguments(seed).stream()
                                .map(array -> array.to(OpTable.reference()))
                                .toList();
                        var got = xla(program, arguments);
                        var expected = reference(program.donating(Set.of()), arguments);
                        for (int k = 0; k < got.size(); k++) {
                            // Errors may grow from equation to equation.
                            var tolerance = Tolerance.of(got.get(k).dtype(), 10_000);
                            Comparison.check(program + "result " + k, expected.get(k), got.get(k), tolerance);
                        }
                    }
                }));
    }

    /** Every form of literal: one value, lists and bytes, numbers and bits. */
    @Test
    void constantsAreReadAsTheyWereWritten() {
        try (var _ = Scope.open()) {
            var constants = new ArrayList<Tensor>();
            for (var dtype : DType.values()) {
                for (int size : new int[] {0, 1, 7, 100}) {
                    var values = new Domain.Cycle(SPECIAL, 1).values(TensorType.of(dtype, size), new Random(1));
                    constants.add(Array.of(TensorType.of(dtype, size), values).to(OpTable.reference()));
                    constants.add(
                            Array.of(TensorType.of(dtype, 1, size), values).to(OpTable.reference()));
                }
            }
            var program = Trace.of("constants", _ -> constants, List.of());
            var got = xla(program, List.of());
            for (int k = 0; k < got.size(); k++) {
                var expected = (Array) constants.get(k);
                Comparison.check(expected + " " + k, expected, got.get(k), Tolerance.EXACT);
            }
        }
    }

    @Test
    void splatsAreReadAsTheyWereWritten() {
        // Repeating a value is arithmetic to XLA where it widens BF16.
        var normal = SPECIAL.stream()
                .filter(value -> value == 0 || !(Math.abs(value) < Float.MIN_NORMAL))
                .toList();
        for (var dtype : DType.values()) {
            var program = Trace.of(
                    "splats",
                    _ -> normal.stream()
                            .map(value -> Tensor.full(TensorType.of(dtype, 2, 3), value))
                            .toList(),
                    List.of());
            var expected = reference(program, List.of());
            var got = xla(program, List.of());
            for (int k = 0; k < got.size(); k++) {
                Comparison.check(dtype + " " + normal.get(k), expected.get(k), got.get(k), Tolerance.EXACT);
            }
        }
    }

    private List<Array> xla(Program program, List<Array> arguments) {
        return run(xla, program, arguments);
    }

    /** TensorFlow has the processor take subnormal numbers for zeros, whatever XLA does. */
    private static Array withoutSubnormals(Array array) {
        if (!array.dtype().isFloat()) {
            return array;
        }
        var values = array.toDoubles();
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.abs(values[i]) < Float.MIN_NORMAL ? Math.copySign(0, values[i]) : values[i];
        }
        return Array.of(array.type(), values).to(OpTable.reference());
    }

    private static List<Tensor> all(List<OpCase> cases, List<Tensor> in) {
        var results = new ArrayList<Tensor>();
        int next = 0;
        for (var c : cases) {
            int count = c.operands().size();
            results.addAll(Interpreter.current().apply(c.prim(), in.subList(next, next + count)));
            next += count;
        }
        return results;
    }

    private static List<Array> reference(Program program, List<Array> arguments) {
        return run(OpTable.reference(), program, arguments);
    }

    private static List<Array> run(Device device, Program program, List<Array> arguments) {
        try (var executable = device.compile(program, Layout.DENSE)) {
            return executable.run(
                    arguments.stream().map(array -> array.to(device)).toList());
        }
    }
}
