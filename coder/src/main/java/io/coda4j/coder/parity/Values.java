package io.coda4j.coder.parity;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Tensor;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * The numbers of a tensor on the host, exact for every element type in use.
 *
 * @param shape dimensions
 * @param numbers row-major
 */
record Values(long[] shape, double[] numbers) {
    static Values of(Tensor tensor) {
        var shape = Arrays.stream(tensor.shape().dims()).asLongStream().toArray();
        return new Values(shape, ((Array) tensor).toDoubles());
    }

    static Values of(long[] shape, float[] numbers) {
        return new Values(
                shape,
                IntStream.range(0, numbers.length).mapToDouble(i -> numbers[i]).toArray());
    }

    static Values of(long[] shape, int[] numbers) {
        return new Values(shape, Arrays.stream(numbers).asDoubleStream().toArray());
    }

    static Values of(int... numbers) {
        return of(new long[] {numbers.length}, numbers);
    }

    static Values of(double... numbers) {
        return new Values(new long[] {numbers.length}, numbers);
    }

    /**
     * Differences, element by element.
     *
     * @throws ParityException if the other has another shape
     */
    Values minus(Values other) {
        if (!Arrays.equals(shape, other.shape)) {
            throw new ParityException("a tensor of shape " + Arrays.toString(shape) + " has one of shape "
                    + Arrays.toString(other.shape) + " to be compared with");
        }
        return new Values(
                shape,
                IntStream.range(0, size())
                        .mapToDouble(i -> numbers[i] - other.numbers[i])
                        .toArray());
    }

    int size() {
        return numbers.length;
    }
}
