package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class MatmulTest {
    private static void check(MatmulCase test) {
        double error = test.error(test.run(1));
        assertTrue(error <= 1, () -> test + ": error is " + error + " times what rounding explains");
    }

    @ParameterizedTest
    @ValueSource(strings = {"NT", "NN", "TN", "TT"})
    void productsAroundTileSizesMatchNestedLoops(String form) {
        int mr = MicroKernel.MR;
        int nr = MicroKernel.NR;
        for (int m : new int[] {1, 2, mr - 1, mr, mr + 1, 9, 61}) {
            for (int n : new int[] {1, nr - 1, nr, nr + 1, 67}) {
                for (int k : new int[] {1, 7, 64, MicroKernel.KC + 3}) {
                    check(MatmulCase.matrices(form, DType.F32, m, n, k));
                }
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"NT", "NN", "TN", "TT"})
    void narrowOperandsAreWidenedExactly(String form) {
        for (int m : new int[] {1, 3, 12, 37}) {
            for (int n : new int[] {1, 31, 70}) {
                check(MatmulCase.matrices(form, DType.BF16, m, n, 35));
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"NT", "NN", "TN", "TT"})
    void depthsOfSeveralSpansAreSummedCompletely(String form) {
        check(MatmulCase.matrices(form, DType.F32, 13, 40, 2 * 16 * MicroKernel.KC + 5));
        check(MatmulCase.matrices(form, DType.F32, 3, 40, 2 * 16 * MicroKernel.KC + 5));
    }

    @ParameterizedTest
    @ValueSource(strings = {"NT", "NN", "TN", "TT"})
    void blocksOfRowsAndColumnsCoverTheResult(String form) {
        check(MatmulCase.matrices(form, DType.F32, 521, 131, 33));
        check(MatmulCase.matrices(form, DType.F32, 67, 1103, 33));
    }

    /** Around tiles of rows, panels of columns, steps of the depth, blocks of rows, and rows packed at a time. */
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "BF16"})
    void frozenWeightsGiveTheSameProducts(DType dtype) {
        for (int m : new int[] {1, 3, 4, 5, 12, 13, 33}) {
            for (int n : new int[] {1, MicroKernel.NR - 1, MicroKernel.NR, MicroKernel.NR + 1, 67, 1103}) {
                for (int k : new int[] {64, 261, 2 * MicroKernel.KC + 3}) {
                    checkFrozen(MatmulCase.matrices("NT", dtype, m, n, k));
                }
            }
        }
        checkFrozen(MatmulCase.matrices("NT", dtype, 2 * MatmulWorkspace.MAX_ROWS + 1, 131, 300));
        checkFrozen(MatmulCase.matrices("NT", dtype, 70, 3, 500 * MicroKernel.KC + 1));
        checkFrozen(MatmulCase.matrices("NN", dtype, 40, 67, 300));
    }

    private static void checkFrozen(MatmulCase test) {
        float[] one = test.runFrozen(1);
        double error = test.error(one);
        assertTrue(error <= 1, () -> test + " frozen: error is " + error + " times what rounding explains");
        assertArrayEquals(one, test.runFrozen(3), test + ": bits depend on the threads");
    }

    /** Without room for panels, frozen weights have the sums that they have with them. */
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "BF16"})
    void frozenWeightsWithoutPanelsGiveTheSameBits(DType dtype) {
        try (var parallel = new Parallel(1)) {
            for (int m : new int[] {PackedMatmul.LEAST, 7, 33}) {
                for (int k : new int[] {64, 2 * MicroKernel.KC + 3, 17 * MicroKernel.KC}) {
                    var test = MatmulCase.matrices("NT", dtype, m, 300, k);
                    float[] unpacked = test.run(
                            1,
                            Set.of(),
                            _ -> (_, in, _) -> Matmul.bindUnpacked(
                                    test.dot(), in, parallel, new MatmulContext(Optional::empty, Optional::empty)));
                    assertArrayEquals(test.runFrozen(1), unpacked, test.toString());
                }
            }
        }
    }

    /** Few rows and a weight [K,N], of which each task packs a strip: around strips, panels, steps of the depth. */
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "BF16"})
    void stripsOfAWeightHaveTheBitsOfPanelsForAllTasks(DType dtype) {
        try (var parallel = new Parallel(1)) {
            for (int m : new int[] {1, 3, 37, 256}) {
                for (int n : new int[] {MatmulWorkspace.MAX_COLUMNS, 1103}) {
                    for (int k : new int[] {64, 2 * MicroKernel.KC + 3}) {
                        var test = MatmulCase.matrices("NN", dtype, m, n, k);
                        float[] panels = test.run(1, Set.of(), _ -> (dot, in, _) -> panels(dot, in, parallel));
                        assertArrayEquals(panels, test.run(1), test.toString());
                        assertArrayEquals(panels, test.run(3), test + " on 3 threads");
                    }
                }
            }
        }
        check(MatmulCase.matrices("NN", dtype, 37, 1103, 2 * MicroKernel.KC + 3));
    }

    private static Optional<Kernel> panels(Primitive dot, List<TensorType> in, Parallel parallel) {
        var left = Matmul.left((Primitive.Dot) dot, in);
        var right = Matmul.right((Primitive.Dot) dot, in);
        var context = new MatmulContext(Optional::empty, Optional::empty);
        return Optional.of(
                Matmul.kernel(left, right, new MatmulKernel(left, right, false, parallel, context), parallel));
    }

    @Test
    void aResultOfAnEmptySumIsZero() {
        assertArrayEquals(
                new float[6], MatmulCase.matrices("NT", DType.F32, 2, 3, 0).run(1));
    }

    @Test
    void emptyResultsAreAllowed() {
        assertEquals(0, MatmulCase.matrices("NT", DType.F32, 0, 3, 4).run(1).length);
        assertEquals(0, MatmulCase.matrices("NN", DType.F32, 2, 0, 4).run(2).length);
    }

    @Test
    void batchedProductsWithHeadsInTheMiddleNeedNoCopy() {
        var queries = TensorType.f32(2, 9, 3, 20);
        var keys = TensorType.f32(2, 11, 3, 20);
        var test = MatmulCase.of(List.of(0, 2), List.of(0, 2), List.of(3), List.of(3), queries, keys);
        check(test);
        assertFalse(
                MatmulOperand.of(queries, List.of(0, 2), List.of(1), List.of(3)).copied());
    }

    @Test
    void severalSummedAxesThatLieTogetherAreOne() {
        check(MatmulCase.of(
                List.of(),
                List.of(),
                List.of(0, 1),
                List.of(0, 1),
                TensorType.f32(6, 7, 13),
                TensorType.f32(6, 7, 33)));
    }

    @Test
    void axesThatDoNotLieAtOneStrideAreCopied() {
        var lhs = TensorType.f32(4, 5, 6, 7);
        assertTrue(
                MatmulOperand.of(lhs, List.of(), List.of(0, 2), List.of(1, 3)).copied());
        check(MatmulCase.of(List.of(), List.of(), List.of(1, 3), List.of(2, 0), lhs, TensorType.f32(7, 9, 5)));
        check(MatmulCase.of(
                List.of(3),
                List.of(1),
                List.of(2, 0),
                List.of(3, 2),
                TensorType.of(DType.BF16, 4, 5, 6, 7),
                TensorType.of(DType.BF16, 10, 7, 4, 6)));
    }

    @Test
    void outerProductsHaveDepthOne() {
        check(MatmulCase.of(List.of(), List.of(), List.of(), List.of(), TensorType.f32(5, 4), TensorType.f32(33)));
    }

    @Test
    void scalarsMultiply() {
        check(MatmulCase.of(List.of(), List.of(), List.of(), List.of(), TensorType.f32(), TensorType.f32()));
    }

    @Test
    void resultsDoNotDependOnTheNumberOfThreads() {
        for (String form : List.of("NT", "NN", "TN", "TT")) {
            for (int[] size : new int[][] {{300, 200, 600}, {3, 5000, 64}, {40, 1500, 300}}) {
                var test = MatmulCase.matrices(form, DType.F32, size[0], size[1], size[2]);
                float[] one = test.run(1);
                assertArrayEquals(one, test.run(2), test + " on 2 threads");
                assertArrayEquals(one, test.run(3), test + " on 3 threads");
            }
        }
    }

    @Test
    void doublesAreLeftToTheReferenceKernel() {
        var type = TensorType.f64(2, 2);
        var dot = new Primitive.Dot(List.of(), List.of(), List.of(1), List.of(0), DType.F64);
        try (var parallel = new Parallel(1)) {
            assertTrue(CpuDevice.reference()
                    .kernels(parallel)
                    .kernel(dot, List.of(type, type), List.of(type))
                    .isEmpty());
        }
    }
}
