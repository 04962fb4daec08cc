/**
 * The OpenCL device: the same programs on any GPU, and on CPUs through PoCL, where its tests run.
 *
 * <p>A program is planned and run by {@code exec} as on the CPU; this package gives it memory, kernels and a queue.
 * Everything is enqueued in order on one queue and only a download waits for it, so storage that is closed while a
 * kernel still reads it can be reused at once: whatever writes to it is enqueued later. Elementwise kernels are
 * generated from the expressions in {@code ClSource}; all others stand in {@code .cl} files beside the classes.
 */
@NullMarked
package io.coda4j.tensor.opencl;

import org.jspecify.annotations.NullMarked;
