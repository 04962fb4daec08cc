/**
 * One table of cases for every primitive, and the contract that every device must keep on them.
 *
 * <p>{@link io.coda4j.tensor.testing.OpTable} is the table; a test proves that no primitive is missing.
 * {@link io.coda4j.tensor.testing.DeviceContract} runs it on a device against the reference kernels.
 */
@NullMarked
package io.coda4j.tensor.testing;

import org.jspecify.annotations.NullMarked;
