package io.coda4j.bench.decode;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.Denoiser;
import io.coda4j.diffusion.sampling.Unmasking;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SampledStepsTest {
    private static SampledSteps.Cost cost(double seconds) {
        return new SampledSteps.Cost(seconds, seconds / 2, seconds / 4);
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 16, 33, 256})
    void theStepsAreThoseInWhichTheSamplerAsksTheModel(int masks) {
        var asked = new ArrayList<Integer>();
        var denoiser = Denoiser.of(4, (_, positions, out) -> {
            asked.add(positions.length);
            Arrays.fill(out, 0, positions.length * 4, 1f);
        });
        var canvas = Canvas.of(new int[] {1}, masks, 3);
        new Unmasking(Decoding.exact(3, masks).withSuppressed(java.util.Set.of(3))).run(denoiser, canvas);
        assertArrayEquals(asked.stream().mapToInt(Integer::intValue).toArray(), SampledSteps.masksBySteps(masks));
    }

    @Test
    void placesReachFromTheFirstStepToTheLast() {
        assertArrayEquals(new int[] {0, 254}, SampledSteps.places(255, 2));
        assertArrayEquals(new int[] {0, 85, 169, 254}, SampledSteps.places(255, 4));
        assertArrayEquals(new int[] {0, 1, 2}, SampledSteps.places(3, 3));
    }

    @Test
    void costsOnALineAreSummedExactly() {
        int steps = 101;
        double expected =
                IntStream.range(0, steps).mapToDouble(i -> 9 - 0.05 * i).sum();
        for (int count : new int[] {2, 3, 8, steps}) {
            var places = SampledSteps.places(steps, count);
            var costs = Arrays.stream(places).mapToObj(i -> cost(9 - 0.05 * i)).toList();
            var sum = SampledSteps.sum(places, costs);
            assertEquals(expected, sum.all(), 1e-9);
            assertEquals(expected / 2, sum.passes(), 1e-9);
            assertEquals(expected / 4, sum.head(), 1e-9);
        }
    }
}
