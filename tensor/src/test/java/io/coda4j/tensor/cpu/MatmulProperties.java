package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class MatmulProperties {
    /** Operands with random axes in random order, of which some are batch, some summed and some free. */
    private static MatmulCase random(long seed, int batch, int summed, int leftFree, int rightFree, boolean narrow) {
        var random = new Random(seed);
        var dims = random.ints(batch + summed + leftFree + rightFree, 1, 9).toArray();
        var left = new ArrayList<Integer>();
        var right = new ArrayList<Integer>();
        for (int i = 0; i < dims.length; i++) {
            if (i < batch + summed + leftFree) {
                left.add(i);
            }
            if (i < batch + summed || i >= batch + summed + leftFree) {
                right.add(i);
            }
        }
        Collections.shuffle(left, random);
        Collections.shuffle(right, random);
        var dtype = narrow ? DType.BF16 : DType.F32;
        var shared = new ArrayList<Integer>();
        for (int i = 0; i < batch + summed; i++) {
            shared.add(i);
        }
        var batches = shared.subList(0, batch);
        var sums = shared.subList(batch, batch + summed);
        return MatmulCase.of(
                places(batches, left),
                places(batches, right),
                places(sums, left),
                places(sums, right),
                TensorType.of(dtype, left.stream().mapToInt(i -> dims[i]).toArray()),
                TensorType.of(dtype, right.stream().mapToInt(i -> dims[i]).toArray()));
    }

    private static List<Integer> places(List<Integer> labels, List<Integer> axes) {
        return labels.stream().map(axes::indexOf).toList();
    }

    @Property(tries = 300)
    void anyAssignmentOfAxesMatchesNestedLoops(
            @ForAll long seed,
            @ForAll @IntRange(max = 2) int batch,
            @ForAll @IntRange(max = 2) int summed,
            @ForAll @IntRange(max = 2) int leftFree,
            @ForAll @IntRange(max = 2) int rightFree,
            @ForAll boolean narrow) {
        var test = random(seed, batch, summed, leftFree, rightFree, narrow);
        double error = test.error(test.run(2));
        assertTrue(error <= 1, () -> test + ": error is " + error + " times what rounding explains");
    }

    @Property(tries = 100)
    void anySizeMatchesNestedLoopsOnAnyNumberOfThreads(
            @ForAll @IntRange(min = 1, max = 150) int m,
            @ForAll @IntRange(min = 1, max = 150) int n,
            @ForAll @IntRange(min = 1, max = 600) int k,
            @ForAll @IntRange(max = 3) int form) {
        var test = MatmulCase.matrices(List.of("NT", "NN", "TN", "TT").get(form), DType.F32, m, n, k);
        float[] one = test.run(1);
        double error = test.error(one);
        assertTrue(error <= 1, () -> test + ": error is " + error + " times what rounding explains");
        assertArrayEquals(one, test.run(3), () -> test + " on 3 threads");
    }
}
