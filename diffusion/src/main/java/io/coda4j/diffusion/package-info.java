/**
 * The forward process of masked diffusion and everything that decides what is masked and what is scored.
 *
 * <p>A row of clean tokens gets a noise level {@code sigma} in (0, 1]; each maskable position becomes the mask token with
 * probability {@code sigma}; the model predicts the masked tokens and its loss at a row is weighted by {@code 1/sigma}
 * (CoDA report, eq. 6). The pieces, in the order data flows: {@link io.coda4j.diffusion.MaskingSchedule} gives the
 * {@link io.coda4j.diffusion.MaskingSetting} of a step, {@link io.coda4j.diffusion.ForwardProcess} makes a
 * {@link io.coda4j.diffusion.NoisedBatch} from draws, {@link io.coda4j.diffusion.ScoredPositions} lists what the loss
 * needs. All of it is host arithmetic on plain arrays; no tensor and no device appears here.
 *
 * <p>Letters in comments: {@code B} rows, {@code L} tokens of a row, {@code V} vocabulary size. Arrays of shape
 * {@code [B,L]} are flat, row after row.
 */
@NullMarked
package io.coda4j.diffusion;

import org.jspecify.annotations.NullMarked;
