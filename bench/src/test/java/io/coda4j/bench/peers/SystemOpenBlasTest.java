package io.coda4j.bench.peers;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.testing.Requirement;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class SystemOpenBlasTest {
    @BeforeEach
    void theSystemMustHaveIt() {
        Requirement.require("openblas", SystemOpenBlas.unusableBecause());
    }

    /** All three dimensions differ, so that one in the place of another is found. */
    @ParameterizedTest
    @ValueSource(strings = {"NT", "NN", "TN"})
    void productsAreThoseOfTheDefinition(String form) {
        var work = new Work.Gemm(DType.F32, form, 2, 7, 5, false);
        float[] x = Operands.uniform(1, work.m() * work.k());
        float[] w = Operands.uniform(2, work.n() * work.k());
        var expected = new float[work.m() * work.n()];
        for (int i = 0; i < expected.length; i++) {
            int row = i / work.n();
            int column = i % work.n();
            double sum = 0;
            for (int k = 0; k < work.k(); k++) {
                double left = x[work.isLeftTransposed() ? k * work.m() + row : row * work.k() + k];
                double right = w[work.isRightTransposed() ? column * work.k() + k : k * work.n() + column];
                sum += left * right;
            }
            expected[i] = (float) sum;
        }
        var engine = new OpenBlasEngine(SystemOpenBlas.open(), 1);
        assertTrue(engine.description().matches("OpenBLAS .*, kernels \\w+, 1 threads"), engine.description());
        try (var task = engine.prepare(work)) {
            task.run();
            assertArrayEquals(Arrays.copyOf(expected, task.sample().length), task.sample(), 1e-5f);
        }
    }
}
