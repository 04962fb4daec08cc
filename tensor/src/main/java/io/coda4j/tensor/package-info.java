/**
 * The language of the engine: a closed set of primitives, the tensors they are applied to, and the interpreters that
 * say what applying one means.
 *
 * <p>Read in this order: {@link io.coda4j.tensor.Primitive} (what can be said), {@link io.coda4j.tensor.Tensor} (how it
 * is said), {@link io.coda4j.tensor.Interpreter} with {@link io.coda4j.tensor.Eager} and {@link io.coda4j.tensor.Trace}
 * (what saying it does), {@link io.coda4j.tensor.Program} (what was said), {@link io.coda4j.tensor.Decompose} (what a
 * fused primitive means), {@link io.coda4j.tensor.Compiled} (how a program is run many times).
 */
@NullMarked
package io.coda4j.tensor;

import org.jspecify.annotations.NullMarked;
