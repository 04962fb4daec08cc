package io.coda4j.bench.peers;

import java.util.stream.IntStream;

/**
 * A weight[n,k] of INT8 values with a scale for each row, made of {@link Operands#uniform} numbers.
 *
 * @param values row by row
 * @param scales of the rows
 */
record Int8Weight(byte[] values, float[] scales) {
    static Int8Weight of(long seed, int n, int k) {
        float[] numbers = Operands.uniform(seed, Math.multiplyExact(n, k));
        byte[] values = new byte[numbers.length];
        float[] scales = new float[n];
        IntStream.range(0, n).parallel().forEach(row -> {
            float greatest = 0;
            for (int i = row * k; i < (row + 1) * k; i++) {
                greatest = Math.max(greatest, Math.abs(numbers[i]));
            }
            scales[row] = greatest / 127;
            for (int i = row * k; i < (row + 1) * k; i++) {
                values[i] = (byte) Math.rint(numbers[i] / scales[row]);
            }
        });
        return new Int8Weight(values, scales);
    }

    /** The numbers that it stands for. */
    float[] floats() {
        int k = values.length / scales.length;
        float[] floats = new float[values.length];
        for (int i = 0; i < floats.length; i++) {
            floats[i] = values[i] * scales[i / k];
        }
        return floats;
    }
}
