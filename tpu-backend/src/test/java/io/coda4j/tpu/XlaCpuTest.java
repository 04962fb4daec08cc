package io.coda4j.tpu;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.Comparison;
import io.coda4j.tensor.testing.OpCase;
import io.coda4j.tensor.testing.OpTable;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

/** Runs the text on a real XLA and compares the numbers with the reference device. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class XlaCpuTest {
    private XlaProcess xla;

    @BeforeAll
    void start() throws IOException {
        XlaProcess.unusableBecause().ifPresent(reason -> {
            System.out.println("Skipped: StableHLO on XLA's CPU compiler: " + reason);
            Assumptions.abort(reason);
        });
        xla = XlaProcess.start();
    }

    @AfterAll
    void stop() throws IOException {
        if (xla != null) {
            xla.close();
        }
    }

    /** One program for all cases of a primitive, because XLA takes longer to start than to compile another operation. */
    @TestFactory
    Stream<DynamicTest> everyCaseGivesWhatTheReferenceGives() {
        return Stream.of(DType.F32, DType.BF16).flatMap(real -> {
            var groups = new LinkedHashMap<String, List<OpCase>>();
            for (var c : OpTable.cases(real)) {
                groups.computeIfAbsent(c.prim().mnemonic(), _ -> new ArrayList<>())
                        .add(c);
            }
            return groups.entrySet().stream()
                    .map(group -> DynamicTest.dynamicTest(
                            group.getKey() + ", floats " + real, () -> check(group.getKey(), group.getValue())));
        });
    }

    private void check(String name, List<OpCase> cases) {
        try (var _ = Scope.open()) {
            var types = cases.stream().flatMap(c -> c.types().stream()).toList();
            var arguments = cases.stream().flatMap(c -> c.inputs(1).stream()).toList();
            var program = Trace.of(name, in -> all(cases, in), types);
            var expected = reference(program, arguments);
            var got = xla.run(
                    StableHlo.print(program, Mesh.of("data", 1)),
                    true,
                    arguments,
                    program.results().stream().map(Tensor::type).toList());
            var failures = new ArrayList<Throwable>();
            int next = 0;
            for (var c : cases) {
                for (int k = 0; k < c.results().size(); k++, next++) {
                    try {
                        Comparison.check(c.name() + ", result " + k, expected.get(next), got.get(next), c.tolerance(k));
                    } catch (AssertionError e) {
                        failures.add(e);
                    }
                }
            }
            Assertions.assertAll(failures.stream().map(failure -> () -> {
                throw failure;
            }));
        }
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
        try (var executable = OpTable.reference().compile(program, Layout.DENSE)) {
            return executable.run(arguments);
        }
    }
}
