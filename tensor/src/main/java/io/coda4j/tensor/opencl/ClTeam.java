package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;

/**
 * Kernels in which a team of items works on each row together; see {@code team.cl}.
 *
 * @param size items of a team: a whole group on GPUs, one on processors
 */
record ClTeam(ClProgramCache programs, int size) {
    private static final String PRELUDE = ClResource.program("team.cl");

    /** Rows that a group takes where a team is one item. */
    private static final int ROWS_PER_GROUP = 8;

    static ClTeam of(ClProgramCache programs, boolean forGpu) {
        return new ClTeam(programs, forGpu ? 128 : 1);
    }

    /** A kernel of a file that builds on {@code team.cl}, for elements of {@code dtype}. */
    ClFunction function(String file, DType dtype, String name) {
        return programs.function(PRELUDE + ClResource.read(file), ClElement.of(dtype) + " -DTEAM=" + size, name);
    }

    /** Runs a kernel over rows. */
    void run(ClFunction function, long rows, Object... args) {
        function.run(rows * size, size == 1 ? ROWS_PER_GROUP : size, args);
    }

    /** Whether kernels exist for {@code dtype}: F16, BF16 and F32, all computed in F32. */
    static boolean computes(DType dtype) {
        return dtype == DType.F32 || dtype.isReducedPrecision();
    }
}
