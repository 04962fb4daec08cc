package io.coda4j.bench.decode;

import io.coda4j.coder.generate.Generator;
import io.coda4j.diffusion.sampling.RunListener;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import java.util.ArrayList;
import java.util.List;

/**
 * The cost of an exact run, estimated from some of its steps.
 *
 * <p>What a step costs changes slowly with the number of masks that are left: the pass goes over all columns, the head and
 * the choice over the masks. So steps at evenly spread places of the run are measured and the others taken from the straight
 * line between their neighbours, which is the trapezoid rule. Each step is run twice: the second time is what it costs, and
 * what the first took longer (programs and weights made ready) counts once.
 *
 * <p>A measured step is one of the sampler: a pass, the head at all masks, a token and its confidence for each, the order. It
 * commits all its tokens and not only the surest, which is the same work.
 */
final class SampledSteps {
    /** Runs of each step. */
    static final int RUNS = 2;

    private SampledSteps() {}

    /**
     * Seconds of a step or a run.
     *
     * @param all of them
     * @param passes of them in passes over all columns
     * @param head of them in the head
     */
    record Cost(double all, double passes, double head) {
        private static Cost of(Generator.Filled filled) {
            return new Cost(
                    filled.seconds(),
                    filled.work().wholeSeconds(),
                    filled.work().headSeconds());
        }

        private Cost plus(Cost other, double factor) {
            return new Cost(all + factor * other.all, passes + factor * other.passes, head + factor * other.head);
        }
    }

    /** The masks that are left before each step of the whole run that asks the model. */
    static int[] masksBySteps(int masks) {
        // How many tokens are committed does not depend on which token is the mask.
        var transfers = Decoding.exact(0, masks).transfers();
        var live = new ArrayList<Integer>();
        int left = masks;
        for (int committed : transfers.counts(masks, masks)) {
            if (committed > 0) {
                live.add(left);
            }
            left -= committed;
        }
        return live.stream().mapToInt(Integer::intValue).toArray();
    }

    /** {@code count} of the steps from 0 to {@code steps - 1}, spread evenly, the first and the last among them. */
    static int[] places(int steps, int count) {
        var places = new int[count];
        for (int i = 0; i < count; i++) {
            places[i] = (int) Math.round((double) i * (steps - 1) / (count - 1));
        }
        return places;
    }

    /**
     * Measures steps and estimates what all of them cost.
     *
     * @param canvas tokens with a number of masks
     * @param listener told of each step
     */
    static Cost estimate(
            Generator generator,
            CellRequest request,
            SampleCanvas canvas,
            UnmaskingSettings settings,
            RunListener listener) {
        var masks = masksBySteps(request.newTokens());
        var places = places(masks.length, request.sampleSteps());
        var costs = new ArrayList<Cost>();
        var once = new Cost(0, 0, 0);
        var oneStep =
                Decoding.exact(generator.maskId(), 1).withSeed(settings.seed()).withSuppressed(settings.suppressed());
        for (int place : places) {
            var tokens = canvas.withMasks(masks[place]);
            var first = Cost.of(generator.fill(tokens, oneStep, listener));
            var later = Cost.of(generator.fill(tokens, oneStep, listener));
            costs.add(later);
            once = once.plus(first, 1).plus(later, -1);
        }
        return sum(places, costs).plus(once, 1);
    }

    /** The sum over all steps from the first place to the last, those between two places on the line between their costs. */
    static Cost sum(int[] places, List<Cost> costs) {
        var sum = costs.getFirst();
        for (int i = 1; i < places.length; i++) {
            int steps = places[i] - places[i - 1];
            // The steps behind the one place up to the other: half of both, and the end once.
            sum = sum.plus(costs.get(i - 1), (steps - 1) / 2.0).plus(costs.get(i), (steps + 1) / 2.0);
        }
        return sum;
    }
}
