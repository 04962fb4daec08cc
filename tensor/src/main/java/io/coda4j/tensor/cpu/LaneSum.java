package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.MicroKernel.LANES;

/**
 * The sum of the lanes of a vector, neighbours first, as {@link Lanes#sum}: an order that the reductions of the Vector API do not promise.
 *
 * <p>The vector comes as an array, because of what {@link VectorMath} says: here ends many a loop that C2 inlines into a
 * large method, and a method that takes a vector is where it stops.
 */
final class LaneSum {
    private LaneSum() {}

    /** Of the LANES elements from {@code at}, which are overwritten. */
    static float of(float[] lanes, int at) {
        for (int half = LANES / 2; half > 0; half /= 2) {
            for (int i = 0; i < half; i++) {
                lanes[at + i] = lanes[at + 2 * i] + lanes[at + 2 * i + 1];
            }
        }
        return lanes[at];
    }
}
