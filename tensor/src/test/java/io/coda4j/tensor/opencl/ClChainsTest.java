package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Legalizer;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.Comparison;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.RandomProgram;
import io.coda4j.tensor.testing.Tolerance;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Generated kernels for chains, against the reference computing one equation after the other. */
class ClChainsTest {
    private static ClDevice device;

    @BeforeAll
    static void open() {
        device = ClTestDevice.open(ClDevice.Options.in(ClTestDevice.BINARIES).chainingAll());
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {3, 8, 15, 101, 104, 117})
    void randomProgramsGiveWhatTheirEquationsGive(long seed) {
        var program = Legalizer.legalise(RandomProgram.of(seed), (_, _) -> false);
        check(program, RandomProgram.arguments(seed));
    }

    /** Every element type and every kind of link in one chain, over whole vectors and what is left of them. */
    @Test
    void chainsOfAllElementTypes() {
        for (int n : new int[] {1, 16, 37}) {
            var x = values(n, 0.7);
            var y = values(n, -1.3);
            var program = Trace.of(
                    "mixed",
                    in -> {
                        var a = in.get(0);
                        var b = in.get(1);
                        var narrow = a.convert(DType.BF16).mul(b.convert(DType.BF16));
                        var whole = a.mul(10).convert(DType.I32).add(b.mul(7).convert(DType.I32));
                        var less = a.lt(b).and(whole.ge(whole.like(0)).not());
                        var chosen = less.select(narrow.convert(DType.F32), whole.convert(DType.F32));
                        return List.of(
                                chosen.add(less.convert(DType.F32).mul(3)),
                                narrow,
                                whole,
                                less,
                                less.or(a.eq(a)).select(a.max(b), b.min(a)));
                    },
                    List.of(x.type(), y.type()));
            check(program, List.of(x, y));
        }
    }

    private static Array values(int n, double step) {
        var values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) Math.sin(step * (i + 1)) * 3;
        }
        return Array.of(Shape.of(n), values);
    }

    private static void check(Program program, List<Array> args) {
        try (var _ = Scope.open()) {
            var reference = new Eager(OpTable.reference());
            var expected = reference.run(() -> program.call(List.<Tensor>copyOf(args)));
            var got = run(device, program, args);
            for (int k = 0; k < got.size(); k++) {
                var result = (Array) expected.get(k);
                // Errors may grow from equation to equation.
                var tolerance = Tolerance.of(result.dtype(), 10_000);
                Comparison.check(program + "result " + k, result, got.get(k), tolerance);
            }
            assertEquals(expected.size(), got.size());
        }
    }

    private static List<Array> run(Device device, Program program, List<Array> args) {
        try (var executable = device.compile(program.donating(Set.of()), Layout.DENSE)) {
            return executable.run(args.stream().map(array -> array.to(device)).toList());
        }
    }
}
