package io.coda4j.tensor.opencl;

/**
 * What measuring may decide.
 *
 * @param tile of the matrix product on GPUs
 */
record ClTuning(ClTile tile) {
    static final ClTuning DEFAULT = new ClTuning(ClTile.DEFAULT);
}
