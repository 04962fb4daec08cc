/**
 * The CPU device: scalar reference kernels that define every core primitive, and Vector API kernels for the hot ones.
 *
 * <p>Results are bitwise the same for any number of threads: work is split into pieces that do not depend on it, and
 * every sum has a fixed order.
 */
@NullMarked
package io.coda4j.tensor.cpu;

import org.jspecify.annotations.NullMarked;
