/**
 * The CPU device: scalar reference kernels that define every core primitive, Vector API kernels for the hot ones, and machine code
 * of {@link io.coda4j.tensor.cpu.x86} that stands in for these where the processor has what it needs, with the same bits.
 *
 * <p>Results are bitwise the same for any number of threads: work is split into pieces that do not depend on it, and
 * every sum has a fixed order.
 */
@NullMarked
package io.coda4j.tensor.cpu;

import org.jspecify.annotations.NullMarked;
