package io.coda4j.tensor.opencl;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.testing.Comparison;
import io.coda4j.tensor.testing.OpCase;
import io.coda4j.tensor.testing.OpTable;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The kernels for GPUs, on whatever device there is. */
class ClGpuKernelsTest {
    private static ClDevice device;

    @BeforeAll
    static void open() {
        // A small tile: processors take seconds to build what GPUs have registers for.
        var tuning = new ClTuning(new ClTile(32, 32, 8), 96);
        device = ClTestDevice.open(ClDevice.Options.in(ClTestDevice.BINARIES).forGpus(tuning));
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    @TestFactory
    Stream<DynamicTest> computeWhatTheReferenceComputes() {
        return Stream.of(DType.F32, DType.BF16, DType.F16)
                .flatMap(real -> (real == DType.F16 ? OpTable.halves() : OpTable.cases(real))
                        .stream()
                                .filter(c -> differsOnGpus(c.prim()))
                                .collect(Collectors.groupingBy(c -> c.prim().mnemonic()))
                                .entrySet()
                                .stream()
                                .map(group -> DynamicTest.dynamicTest(
                                        group.getKey() + ", floats " + real,
                                        () -> Assertions.assertAll(
                                                group.getValue().stream().map(c -> () -> check(c))))));
    }

    private static void check(OpCase c) {
        try (var _ = Scope.open()) {
            List<Tensor> inputs = List.copyOf(c.inputs(1));
            var expected = new Eager(OpTable.reference()).apply(c.prim(), inputs);
            var got = new Eager(device).apply(c.prim(), inputs);
            for (int k = 0; k < got.size(); k++) {
                Comparison.check(c.name(), (Array) expected.get(k), (Array) got.get(k), c.tolerance(k));
            }
        }
    }

    /** Whether there are two kernels, or one that is shaped for the device. */
    private static boolean differsOnGpus(Primitive prim) {
        return switch (prim) {
            case Primitive.Dot _,
                    Primitive.RmsNorm _,
                    Primitive.RmsNormGrad _,
                    Primitive.Scan _,
                    Primitive.Rope _,
                    Primitive.CrossEntropy _,
                    Primitive.CrossEntropyGrad _,
                    Primitive.Attention _,
                    Primitive.AttentionGrad _,
                    Primitive.Reduce _,
                    Primitive.ArgMax _,
                    Primitive.ScatterAddRows _ -> true;
            default -> false;
        };
    }
}
