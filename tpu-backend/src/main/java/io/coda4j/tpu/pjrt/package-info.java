/**
 * Plugins behind the PJRT C API, the common face of XLA's devices: TPUs, GPUs and others.
 *
 * <p>{@code CApi} is the table of functions and structures, {@code StructView} one structure in memory, {@code PjrtApi}
 * calls a function of a plugin, and {@code PjrtOwner} remembers what has to be destroyed. Above these, {@code PjrtPlugin},
 * {@code PjrtClient}, {@code PjrtLoadedExecutable} and {@code PjrtBuffer} are what the C API calls by the same names, and
 * {@code PjrtDevice} makes a {@link io.coda4j.tensor.spi.Device} of them.
 */
@NullMarked
package io.coda4j.tpu.pjrt;

import org.jspecify.annotations.NullMarked;
