/**
 * The reverse process: filling masked positions step by step with the help of a model.
 *
 * <p>{@link io.coda4j.diffusion.sampling.Unmasking} runs the loop over a {@link io.coda4j.diffusion.sampling.Canvas}. At each
 * step it asks a {@link io.coda4j.diffusion.sampling.Denoiser} for the logits of masked positions, turns each row of logits
 * into a token and a confidence ({@link io.coda4j.diffusion.sampling.TokenDistribution},
 * {@link io.coda4j.diffusion.sampling.Sampler}), and commits as many tokens as the
 * {@link io.coda4j.diffusion.sampling.TransferSchedule} or an adaptive {@link io.coda4j.diffusion.sampling.CommitRule}
 * says. {@link io.coda4j.diffusion.sampling.Caching} says what a model need not compute anew. The package knows nothing about models, devices or text.
 */
@NullMarked
package io.coda4j.diffusion.sampling;

import org.jspecify.annotations.NullMarked;
