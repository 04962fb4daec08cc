package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MatmulBlocksTest {
    private static final int MAX_ROWS = MatmulWorkspace.COMMON_ROWS;

    private static MatmulBlocks blocks(int rows, int columns, int depth, int threads) {
        return MatmulBlocks.of(1, rows, columns, depth, false, threads, MAX_ROWS);
    }

    /** How many times as much the thread with most rows has to compute as it had if all had the same number. */
    private static double imbalance(MatmulBlocks blocks, int rows, int columns, int threads) {
        int together = Math.min(MatmulBlocks.count(columns, blocks.columns()), blocks.units());
        int tasks = together * MatmulBlocks.count(rows, blocks.rows());
        return Math.ceilDiv(tasks, threads) * (double) threads * blocks.rows() / (together * (double) rows);
    }

    @ParameterizedTest
    @CsvSource({"2048, 1", "2048, 2", "2048, 8", "2048, 16", "1024, 2", "1024, 8", "6144, 2", "6144, 8", "6144, 16"})
    void threadsHaveAboutTheSameNumberOfRows(int rows, int threads) {
        for (int columns : new int[] {1024, 2048, 6144}) {
            var blocks = blocks(rows, columns, 2048, threads);
            double imbalance = imbalance(blocks, rows, columns, threads);
            assertTrue(imbalance < 1.05, () -> blocks + " for " + threads + " threads: " + imbalance);
        }
    }

    @Property(tries = 2000)
    void blocksHaveTheSizesThatTasksHaveRoomFor(
            @ForAll @IntRange(min = 1, max = 9000) int rows,
            @ForAll @IntRange(min = 1, max = 9000) int columns,
            @ForAll @IntRange(min = 1, max = 9000) int depth,
            @ForAll @IntRange(min = 1, max = 64) int threads) {
        var blocks = blocks(rows, columns, depth, threads);
        assertTrue(blocks.rows() > 0 && blocks.rows() <= MAX_ROWS && blocks.rows() % MicroKernel.MR == 0);
        assertTrue(blocks.columns() > 0 && blocks.columns() % MicroKernel.NR == 0);
        var one = blocks(rows, columns, depth, 1);
        assertEquals(one.step(), blocks.step(), "the order of sums depends on the threads");
        assertEquals(one.span(), blocks.span(), "the order of sums depends on the threads");
    }
}
