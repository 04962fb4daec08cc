package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.testing.Comparison;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.Tolerance;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The product on tensor cores, with the one instruction that only NVIDIA has computed from the tables of its
 * documentation: all that is not tested here is that instruction itself.
 */
class ClTensorCoresTest {
    @TempDir
    private Path folder;

    private static final ClTuning SMALL = new ClTuning(new ClTile(32, 32, 8), 96);

    private static ClDevice open(Path binaries, Function<ClDevice, ClTensorCores> tensorCores) {
        return ClTestDevice.open(ClDevice.Options.in(binaries).forGpus(SMALL).multiplyingOn(tensorCores));
    }

    private static ClDevice emulated() {
        return open(
                ClTestDevice.BINARIES,
                device -> ClTensorCores.built(device, ClTensorCores.SOURCE, ClTensorCores.EMULATED));
    }

    private static Optional<String> reason(ClDevice device) {
        return new ClMatmul(
                        device, true, SMALL, ClTensorCores.built(device, ClTensorCores.SOURCE, ClTensorCores.EMULATED))
                .tensorCoresUnusableBecause();
    }

    @Test
    void passTheirSelfCheckAndAreTold() {
        try (var device = emulated()) {
            assertEquals(Optional.empty(), reason(device));
            assertTrue(device.description().endsWith(", BF16 on tensor cores"), device::description);
        }
    }

    /** Sizes around tiles, chunks and pairs of steps; operands along steps and along rows, aligned and not, in batches. */
    @Test
    void multiplyAsTheReferenceDoes() {
        int[][] sizes = {
            {1, 1, 1, 1}, {1, 128, 64, 32}, {2, 130, 65, 33}, {1, 17, 9, 15}, {3, 5, 70, 48}, {1, 257, 131, 72}
        };
        try (var device = emulated();
                var _ = Scope.open()) {
            for (int[] size : sizes) {
                var x = values(TensorType.of(DType.BF16, size[0], size[1], size[3]), 0.31);
                var w = values(TensorType.of(DType.BF16, size[0], size[2], size[3]), 0.77);
                check(device, x, w, 2, 2);
                check(device, x, turned(w), 2, 1);
                check(device, turned(x), turned(w), 1, 1);
            }
            // Rows that begin at odd places: no wide reads.
            var odd = (Array) values(TensorType.of(DType.BF16, 1, 40, 50), 0.31).slice(2, 3, 47);
            check(device, odd, odd, 2, 2);
        }
    }

    private static Array turned(Array x) {
        return (Array) x.transpose(0, 2, 1);
    }

    private static Array values(TensorType type, double step) {
        var values = new double[Math.toIntExact(type.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = Math.sin(step * (i + 1)) * 2;
        }
        return Array.of(type, values);
    }

    private static void check(ClDevice device, Array x, Array w, int xContract, int wContract) {
        var dot = new Primitive.Dot(List.of(0), List.of(0), List.of(xContract), List.of(wContract), DType.F32);
        var expected = new Eager(OpTable.reference()).apply(dot, List.of(x, w));
        var got = new Eager(device).apply(dot, List.of(x, w));
        Comparison.check(
                x.type() + " times " + w.type(),
                (Array) expected.getFirst(),
                (Array) got.getFirst(),
                Tolerance.of(DType.F32, x.dim(xContract)));
    }

    /** Every wrong index of the kernel, or of the tables, must be found by the check that runs before the first use. */
    @Test
    void wrongFragmentsAreFoundByTheSelfCheck() {
        var wrong = List.of(
                List.of("x_words[(16 * i + 8) * WORDS];", "x_words[(16 * i + 4) * WORDS];"),
                List.of("w_words[(8 * j) * WORDS + 4];", "w_words[(8 * j) * WORDS + 5];"),
                List.of("+ group + c / 2 * 8;", "+ group + c % 2 * 8;"));
        for (var change : wrong) {
            assertTrue(ClTensorCores.SOURCE.contains(change.get(0)), change::toString);
            var source = ClTensorCores.SOURCE.replace(change.get(0), change.get(1));
            try (var device = open(
                    ClTestDevice.BINARIES, opened -> ClTensorCores.built(opened, source, ClTensorCores.EMULATED))) {
                assertTrue(
                        device.description()
                                .endsWith("BF16 without tensor cores (their self-check failed: a product differs from"
                                        + " that of the plain kernel)"),
                        () -> change + " was not found: " + device.description());
            }
        }
    }

    @Test
    void aKernelThatDoesNotBuildIsTheReasonAndProductsArePlain() {
        try (var device = open(folder, opened -> ClTensorCores.built(opened, "__kernel void multiply() { x; }", ""));
                var _ = Scope.open()) {
            assertTrue(
                    device.description().contains("BF16 without tensor cores (opencl:0: the driver's compiler failed"));
            var x = values(TensorType.of(DType.BF16, 1, 20, 30), 0.3);
            check(device, x, x, 2, 2);
        }
    }

    @Test
    void otherDevicesHaveNone() {
        try (var device = open(ClTestDevice.BINARIES, ClTensorCores::of)) {
            if (!device.info().isNvidia()) {
                assertTrue(device.description().endsWith("BF16 without tensor cores (not a GPU of NVIDIA)"));
            }
        }
        try (var device = ClTestDevice.open()) {
            assertFalse(device.info().isCpu() && device.description().contains("tensor cores"), device::description);
        }
    }

    /** Halves of words: the lower one is the element of the lower index. */
    @Test
    void bf16IsStoredWithTheLowerIndexFirst() {
        try (var arena = Arena.ofConfined()) {
            var two = arena.allocate(4, 4);
            two.setAtIndex(ValueLayout.JAVA_SHORT, 0, Bf16.fromFloat(1));
            two.setAtIndex(ValueLayout.JAVA_SHORT, 1, Bf16.fromFloat(2));
            assertEquals(0x40003f80, two.get(ValueLayout.JAVA_INT, 0));
        }
    }
}
