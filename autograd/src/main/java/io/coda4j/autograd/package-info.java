/**
 * Reverse-mode differentiation.
 *
 * <p>Let a program compute y = f(x) and let L be a scalar computed from y. The cotangent of a tensor t is dL/dt, a tensor
 * of the type of t. Every primitive has a rule that turns the cotangents of its results into those of its operands, the
 * product of the cotangent with the Jacobian from the left ({@code Vjp}). Running the rules of all recorded primitives
 * backwards, and adding the cotangents that reach one tensor by several ways, gives the gradient ({@code Tape}).
 *
 * <p>The tape is an {@link io.coda4j.tensor.Interpreter} and the rules are ordinary tensor code: under eager execution
 * they compute, under a trace they become equations of the same program. {@link
 * io.coda4j.autograd.Autograd#checkpoint} trades memory for a second forward pass.
 */
@NullMarked
package io.coda4j.autograd;

import org.jspecify.annotations.NullMarked;
