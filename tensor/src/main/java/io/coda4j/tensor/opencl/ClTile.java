package io.coda4j.tensor.opencl;

/**
 * The shape of a tile of {@code matmul_tile.cl}.
 *
 * @param m rows of results, a multiple of 16
 * @param n columns of results, a multiple of 16
 * @param k steps held in local memory at a time
 */
record ClTile(int m, int n, int k) {
    /** A shape that every GPU of the last ten years has registers and local memory for. */
    static final ClTile DEFAULT = new ClTile(64, 64, 16);

    /** A tile of a valid shape. */
    ClTile {
        if (m <= 0 || n <= 0 || k <= 0 || m % 16 != 0 || n % 16 != 0) {
            throw new IllegalArgumentException("a tile cannot be " + m + " x " + n + " x " + k);
        }
    }

    /** Options that build the kernel for this tile. */
    String options() {
        return " -DTILE_M=" + m + " -DTILE_N=" + n + " -DTILE_K=" + k;
    }

    @Override
    public String toString() {
        return m + "x" + n + "x" + k;
    }
}
