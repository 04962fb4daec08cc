package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.TensorType;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class AttentionTest {
    private static AttentionCase f32(
            AttentionMask mask, int b, int t, int s, int h, int k, int d, int start, int segments) {
        return new AttentionCase(DType.F32, mask, b, t, s, h, k, d, start, segments);
    }

    static void check(AttentionCase test) {
        var expected = test.naive();
        var actual = test.run(1);
        // Rounding of the inputs of a gradient that are BF16 results counts as well: half an ulp is 2^-9.
        double unit = test.dtype() == DType.BF16 ? 0x1p-7 : 0x1p-18;
        int ofKey = test.queries() * test.heads() / test.keyHeads();
        close(test, "out", expected.out(), actual.out(), unit, test.keys());
        close(test, "logSumExp", expected.logSumExp(), actual.logSumExp(), 0x1p-18, test.keys());
        close(test, "dq", expected.dq(), actual.dq(), unit, test.keys());
        close(test, "dk", expected.dk(), actual.dk(), unit, ofKey);
        close(test, "dv", expected.dv(), actual.dv(), unit, ofKey);
    }

    /** Equal to a unit of the result, and to as much of one for each of its {@code terms} as errors that are independent add up to. */
    private static void close(
            AttentionCase test, String what, float[] expected, float[] actual, double unit, int terms) {
        assertEquals(expected.length, actual.length);
        for (int i = 0; i < expected.length; i++) {
            int at = i;
            if (Float.isInfinite(expected[i])) {
                assertEquals(expected[i], actual[i], () -> test + ": " + what + " at " + at);
            } else {
                double allowed = unit * (Math.max(1, Math.abs(expected[i])) + Math.sqrt(terms) / 8);
                assertTrue(
                        Math.abs(expected[i] - actual[i]) <= allowed,
                        () -> test + ": " + what + " at " + at + ": expected " + expected[at] + ", got " + actual[at]);
            }
        }
    }

    @Test
    void theDemoShapeMatchesNestedLoops() {
        check(f32(AttentionMask.FULL, 2, 128, 128, 2, 2, 64, 0, 0));
        check(f32(AttentionMask.CAUSAL, 1, 128, 128, 2, 1, 64, 0, 3));
    }

    /** Two keys with 52 queries: what the queries round adds up. */
    @Test
    void manyQueriesOfFewKeysMatchNestedLoopsInBf16() {
        check(new AttentionCase(DType.BF16, AttentionMask.CAUSAL, 2, 26, 2, 4, 2, 40, 1, 0));
    }

    @Test
    void keysBeyondOneBlockAreSummedInABlockAfterTheOther() {
        check(f32(AttentionMask.FULL, 1, 5, 2 * AttentionShape.KEY_BLOCK + 19, 4, 2, 20, 0, 0));
        check(f32(AttentionMask.FULL, 1, 37, AttentionShape.KEY_BLOCK + 1, 2, 1, 8, 0, 4));
    }

    @Test
    void queriesBeyondOneBlockAddToTheSameKeys() {
        check(f32(AttentionMask.CAUSAL, 1, 2 * AttentionShape.MAX_QUERY_BLOCK + 7, 300, 2, 1, 12, 5, 0));
    }

    @Test
    void anOffsetOfTheQueriesShiftsTheCausalHorizon() {
        check(f32(AttentionMask.CAUSAL, 2, 7, 40, 2, 2, 16, 20, 0));
        check(f32(AttentionMask.CAUSAL, 1, 4, 9, 1, 1, 4, 100, 0));
    }

    @Test
    void queriesThatSeeNothingGiveZeroAndMinusInfinity() {
        var test = f32(AttentionMask.CAUSAL, 1, 6, 10, 2, 1, 8, -3, 0);
        check(test);
        var results = test.run(1);
        assertEquals(Float.NEGATIVE_INFINITY, results.logSumExp()[0]);
        assertArrayEquals(new float[3 * 2 * 8], Arrays.copyOf(results.out(), 3 * 2 * 8));
        assertArrayEquals(new float[3 * 2 * 8], Arrays.copyOf(results.dq(), 3 * 2 * 8));
    }

    @Test
    void withoutKeysNothingIsSeen() {
        check(f32(AttentionMask.FULL, 1, 3, 0, 2, 1, 8, 0, 0));
    }

    @Test
    void withoutQueriesKeysHaveZeroCotangents() {
        check(f32(AttentionMask.FULL, 1, 0, 3, 2, 1, 8, 0, 0));
    }

    @Test
    void narrowOperandsRoundOnlyAtTheEnd() {
        check(new AttentionCase(DType.BF16, AttentionMask.FULL, 2, 33, 70, 4, 2, 24, 0, 2));
        check(new AttentionCase(DType.BF16, AttentionMask.CAUSAL, 1, 20, 20, 2, 2, 31, 0, 0));
    }

    @Test
    void theWidestHeadOfOnePassIsServed() {
        check(f32(AttentionMask.FULL, 1, 3, 5, 1, 1, MicroKernel.KC, 0, 0));
    }

    @Test
    void widerHeadsAndDoublesAreLeftToTheMeaning() {
        var prim = new Primitive.Attention(1, AttentionMask.FULL);
        try (var parallel = new Parallel(1)) {
            for (var q : List.of(TensorType.f32(1, 2, 1, MicroKernel.KC + 1), TensorType.f64(1, 2, 1, 4))) {
                var segments = TensorType.i32(1, 2);
                var in = List.of(q, q, q, segments, segments, TensorType.i32());
                assertTrue(CpuDevice.reference()
                        .kernels(parallel)
                        .kernel(prim, in, prim.infer(in))
                        .isEmpty());
            }
        }
    }

    @Test
    void resultsDoNotDependOnTheNumberOfThreads() {
        var test = f32(AttentionMask.CAUSAL, 2, 300, 300, 4, 2, 32, 0, 2);
        var one = test.run(1);
        for (int threads : new int[] {2, 3}) {
            var more = test.run(threads);
            assertArrayEquals(one.out(), more.out());
            assertArrayEquals(one.logSumExp(), more.logSumExp());
            assertArrayEquals(one.dq(), more.dq());
            assertArrayEquals(one.dk(), more.dk());
            assertArrayEquals(one.dv(), more.dv());
        }
    }
}
