package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.MachineKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MatmulKernelTest {
    private static final int ROWS = 2 * MatmulWorkspace.MAX_ROWS + 5;
    private static final int COLUMNS = 1024;

    /** The product of the rows with the first {@code columns} of {@link #COLUMNS} columns, row by row. */
    private static float[][] product(float[] left, float[] right, int depth, int columns, int threads) {
        var dot = new Primitive.Dot(List.of(), List.of(), List.of(1), List.of(0), DType.F32);
        var in = List.of(
                new TensorType(DType.F32, Shape.of(ROWS, depth)), new TensorType(DType.F32, Shape.of(depth, columns)));
        try (var parallel = new Parallel(threads);
                var arena = Arena.ofShared()) {
            var context = new MatmulContext(() -> MachineKernels.ofProcess().f32(MicroKernel.NR), Optional::empty);
            var narrower = arena.allocate(4L * depth * columns, 64);
            for (int k = 0; k < depth; k++) {
                MemorySegment.copy(right, k * COLUMNS, narrower, ValueLayout.JAVA_FLOAT, 4L * k * columns, columns);
            }
            var to = arena.allocate(4L * ROWS * columns, 64);
            to.fill((byte) 0x55);
            new MatmulKernel(Matmul.left(dot, in), Matmul.right(dot, in), false, parallel, context)
                    .run(arena.allocateFrom(ValueLayout.JAVA_FLOAT, left), narrower, to);
            var rows = new float[ROWS][columns];
            for (int r = 0; r < ROWS; r++) {
                MemorySegment.copy(to, ValueLayout.JAVA_FLOAT, 4L * r * columns, rows[r], 0, columns);
            }
            return rows;
        }
    }

    /** With 1,024 columns rows of the result are a page apart, with fewer they are not; the deep product has two spans. */
    @ParameterizedTest
    @ValueSource(ints = {4 * MicroKernel.KC, 16 * MicroKernel.KC + 3})
    void sumsKeptApartHaveTheSameBits(int depth) {
        var random = new Random(depth);
        float[] left = new float[ROWS * depth];
        float[] right = new float[depth * COLUMNS];
        for (float[] values : List.of(left, right)) {
            for (int i = 0; i < values.length; i++) {
                values[i] = random.nextFloat() - 0.5f;
            }
        }
        var expected = product(left, right, depth, COLUMNS - 1, 1);
        for (int threads : new int[] {1, 3}) {
            var got = product(left, right, depth, COLUMNS, threads);
            for (int r = 0; r < ROWS; r++) {
                assertArrayEquals(expected[r], Arrays.copyOf(got[r], COLUMNS - 1), "row " + r);
            }
        }
    }
}
