package io.coda4j.coder.xla;

import io.coda4j.autograd.Autograd;
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
import io.coda4j.tensor.testing.OpCase;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.Tolerance;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.function.Executable;

/** The gradients of every primitive as StableHLO on XLA's CPU compiler, against the reference device. */
class XlaGradientTest {
    /** How many cases of a primitive to run, about; all: {@code -Dtest.jvm.extra=-Dxla.cases=1000}. */
    private static final int SAMPLE = Integer.getInteger("xla.cases", 3);

    @TestFactory
    Stream<DynamicTest> gradientsAreThoseOfTheReference() {
        var device = XlaCompiler.device();
        return Stream.of(DType.F32, DType.BF16).flatMap(real -> {
            var groups = new LinkedHashMap<String, List<OpCase>>();
            OpTable.cases(real).stream()
                    .filter(c -> !c.differentiable().isEmpty())
                    .forEach(c -> groups.computeIfAbsent(c.prim().mnemonic(), _ -> new ArrayList<>())
                            .add(c));
            return groups.entrySet().stream()
                    .map(group -> DynamicTest.dynamicTest(
                            group.getKey() + ", floats " + real,
                            () -> check(device, group.getKey(), sample(group.getValue()))));
        });
    }

    private static List<OpCase> sample(List<OpCase> cases) {
        int step = Math.max(1, cases.size() / SAMPLE);
        return IntStream.range(0, cases.size())
                .filter(i -> i % step == 0)
                .mapToObj(cases::get)
                .toList();
    }

    /** Operands of all cases, then the cotangents of all their results. */
    private static void check(Device device, String name, List<OpCase> cases) {
        try (var _ = Scope.open()) {
            var random = new Random(4);
            var arguments = new ArrayList<Array>();
            cases.forEach(c -> arguments.addAll(c.inputs(4)));
            cases.forEach(c -> c.results().forEach(type -> arguments.add(normal(type, random))));
            var types = arguments.stream().map(Array::type).toList();
            var program = Trace.of("gradient_of_" + name, in -> gradients(cases, in), types);
            var expected = run(OpTable.reference(), program, arguments);
            var got = run(device, program, arguments);
            var checks = new ArrayList<Executable>();
            for (var c : cases) {
                for (int operand : c.differentiable()) {
                    int index = checks.size();
                    var what = "gradient of " + c.name() + ", operand " + operand;
                    var tolerance = Tolerance.of(narrowest(c), 100 * Math.max(2, c.terms()));
                    checks.add(() -> Comparison.check(what, expected.get(index), got.get(index), tolerance));
                }
            }
            Assertions.assertAll(checks);
        }
    }

    /** Products inside of a primitive round to the type of its narrowest operand, also on the way to a wider result. */
    private static DType narrowest(OpCase c) {
        return c.types().stream()
                .map(TensorType::dtype)
                .filter(DType::isFloat)
                .min(Comparator.comparingInt(DType::bytes))
                .orElseThrow();
    }

    private static List<Tensor> gradients(List<OpCase> cases, List<Tensor> in) {
        var gradients = new ArrayList<Tensor>();
        int operand = 0;
        int cotangent = cases.stream().mapToInt(c -> c.operands().size()).sum();
        for (var c : cases) {
            var operands = in.subList(operand, operand += c.operands().size());
            // No gradient flows through the others.
            var cotangents = in.subList(cotangent, cotangent += c.results().size()).stream()
                    .map(x -> x.dtype().isFloat() ? x : null)
                    .toList();
            var all = Autograd.vjp(x -> Interpreter.current().apply(c.prim(), x), operands, cotangents);
            c.differentiable().forEach(i -> gradients.add(all.get(i)));
        }
        return gradients;
    }

    private static Array normal(TensorType type, Random random) {
        var values = random.doubles(type.size()).map(x -> 2 * x - 1).toArray();
        return Array.of(type, values).to(OpTable.reference());
    }

    private static List<Array> run(Device device, Program program, List<Array> arguments) {
        try (var executable = device.compile(program, Layout.DENSE)) {
            return executable.run(
                    arguments.stream().map(array -> array.to(device)).toList());
        }
    }
}
