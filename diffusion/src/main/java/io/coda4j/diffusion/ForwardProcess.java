package io.coda4j.diffusion;

import io.coda4j.diffusion.random.Purpose;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The forward (noising) process: clean tokens and draws in, masked tokens out.
 *
 * <p>Arithmetic is float32 wherever the published training code has it, so that {@link MaskingForm#LEGACY} with recorded
 * draws reproduces its batches exactly. Draws are made in this order: prefix gate, truncate gate, prefix length (if its
 * probability is positive), truncate position (likewise), noise level, block gate (only {@code FIXED}), block size, mask. With
 * a source mask the first four are not made.
 *
 * @param maskId token id that stands for "masked"
 * @param padId token id that suffix truncation writes
 */
public record ForwardProcess(int maskId, int padId, MaskingForm form, NoiseLevels noiseLevels) {
    /**
     * Checked ids.
     *
     * @throws IllegalArgumentException if one is negative, or both are the same: padding would count as masked
     */
    public ForwardProcess {
        if (maskId < 0 || padId < 0 || maskId == padId) {
            throw new IllegalArgumentException(
                    "maskId and padId must be two tokens, neither of them negative, got " + maskId + " and " + padId);
        }
    }

    /**
     * Masks a batch.
     *
     * @param ids {@code [B,L]} clean token ids; not changed
     * @param srcMask {@code [B,L]} true where a token is given (a prompt) and never masked, or null. With it the prefix and
     *     truncate strategies are off
     * @throws IllegalArgumentException if an array does not have {@code rows * length} elements
     */
    public NoisedBatch apply(
            int[] ids, int rows, int length, boolean @Nullable [] srcMask, MaskingSetting setting, NoiseDraws draws) {
        if (rows < 1 || length < 1) {
            throw new IllegalArgumentException("a batch needs rows and tokens, got [" + rows + ", " + length + "]");
        }
        requireSize("ids", ids.length, rows, length);
        var targets = ids.clone();
        var maskable = new boolean[ids.length];
        if (srcMask == null) {
            Arrays.fill(maskable, true);
            applyStrategies(targets, maskable, rows, length, setting, draws);
        } else {
            requireSize("srcMask", srcMask.length, rows, length);
            for (int i = 0; i < maskable.length; i++) {
                maskable[i] = !srcMask[i];
            }
        }
        var sigma = noiseLevels(rows, setting.samplingEps(), draws);
        int blockSize = blockSize(setting, draws);
        var chosen = choose(maskable, rows, length, sigma, blockSize, draws);
        var noisy = targets.clone();
        for (int i = 0; i < noisy.length; i++) {
            if (chosen[i]) {
                noisy[i] = maskId;
            }
        }
        var masked = form == MaskingForm.FIXED ? chosen : equalTo(noisy, maskId);
        return new NoisedBatch(rows, length, noisy, targets, sigma, maskable, masked, blockSize);
    }

    static void requireSize(String name, int size, int rows, int length) {
        if (size != (long) rows * length) {
            throw new IllegalArgumentException(name + " has " + size + " elements, expected " + rows + " x " + length);
        }
    }

    /** Strategies S1 and S2, drawn per row. */
    private void applyStrategies(
            int[] targets, boolean[] maskable, int rows, int length, MaskingSetting setting, NoiseDraws draws) {
        var prefixGate = draws.uniform(Purpose.PREFIX_GATE, rows, 1);
        var truncateGate = draws.uniform(Purpose.TRUNCATE_GATE, rows, 1);
        float prefix = (float) setting.prefixProbability();
        float truncate = (float) setting.truncateProbability();
        if ((prefix > 0 || truncate > 0) && length < 2) {
            throw new IllegalArgumentException("prefix and truncate masking need rows of at least 2 tokens");
        }
        if (prefix > 0) {
            var lengths = draws.integers(Purpose.PREFIX_LENGTH, rows, 1, length);
            for (int b = 0; b < rows; b++) {
                if (prefixGate[b] < prefix) {
                    Arrays.fill(maskable, b * length, b * length + lengths[b], false);
                }
            }
        }
        if (truncate > 0) {
            var positions = draws.integers(Purpose.TRUNCATE_POSITION, rows, 1, length);
            for (int b = 0; b < rows; b++) {
                if (truncateGate[b] < truncate && !(prefixGate[b] < prefix)) {
                    Arrays.fill(targets, b * length + positions[b], (b + 1) * length, padId);
                }
            }
            // Padding of every row is given once truncation is on, also padding that was in the data.
            for (int i = 0; i < targets.length; i++) {
                maskable[i] &= targets[i] != padId;
            }
        }
    }

    private float[] noiseLevels(int rows, double eps, NoiseDraws draws) {
        var sigma = draws.uniform(Purpose.NOISE_LEVEL, rows, 1).clone();
        float span = (float) (1.0 - eps);
        int total = draws.totalRows(rows);
        for (int b = 0; b < rows; b++) {
            if (noiseLevels == NoiseLevels.STRATIFIED) {
                // In double, where the sum is exact: as a float it would depend on how the batch is cut into parts.
                double t = (sigma[b] + (double) (draws.firstRow() + b)) / total;
                sigma[b] = (float) (t - Math.floor(t));
            }
            sigma[b] = span * sigma[b] + (float) eps;
        }
        return sigma;
    }

    private int blockSize(MaskingSetting setting, NoiseDraws draws) {
        var sizes = setting.blockSizes();
        if (setting.blockProbability() == 0 || sizes.isEmpty()) {
            return 1;
        }
        if (form == MaskingForm.FIXED
                && !(draws.uniform(Purpose.BLOCK_GATE, 1, 1)[0] < (float) setting.blockProbability())) {
            return 1;
        }
        return sizes.get(draws.integers(Purpose.BLOCK_SIZE, 1, 0, sizes.size())[0]);
    }

    private boolean[] choose(boolean[] maskable, int rows, int length, float[] sigma, int blockSize, NoiseDraws draws) {
        var chosen = new boolean[maskable.length];
        if (blockSize == 1) {
            var u = draws.uniform(Purpose.MASK, rows, length);
            for (int i = 0; i < chosen.length; i++) {
                chosen[i] = u[i] < sigma[i / length] && maskable[i];
            }
        } else if (form == MaskingForm.FIXED) {
            chooseClippedWindows(chosen, maskable, length, sigma, blockSize, draws);
        } else if (length >= blockSize) {
            chooseWholeWindows(chosen, maskable, length, sigma, blockSize, draws);
        }
        return chosen;
    }

    /**
     * Windows may hang over both ends of the row and over unmaskable positions, where they are clipped.
     *
     * <p>Every position then lies in exactly {@code k} windows, each picked with {@code 1-(1-sigma)^(1/k)}, and so is masked with
     * probability {@code 1-(1-sigma)} to the power {@code k/k}: exactly {@code sigma}, in the interior, at edges and in runs
     * shorter than a window. One pass with the distance to the last picked window does it in O(L).
     */
    private static void chooseClippedWindows(
            boolean[] chosen, boolean[] maskable, int length, float[] sigma, int k, NoiseDraws draws) {
        int windows = length + k - 1;
        var u = draws.uniform(Purpose.MASK, sigma.length, windows);
        for (int b = 0; b < sigma.length; b++) {
            float pick = pickProbability(sigma[b], k);
            int last = -k;
            for (int end = 0; end < windows; end++) {
                // The window that ends at position `end` is the first one position `end - k + 1` lies in.
                if (u[b * windows + end] < pick) {
                    last = end;
                }
                int i = end - (k - 1);
                if (i >= 0) {
                    chosen[b * length + i] = end - last < k && maskable[b * length + i];
                }
            }
        }
    }

    /** Only windows that are maskable as a whole may be picked: near edges fewer windows cover a position. */
    private static void chooseWholeWindows(
            boolean[] chosen, boolean[] maskable, int length, float[] sigma, int k, NoiseDraws draws) {
        int windows = length - k + 1;
        var u = draws.uniform(Purpose.MASK, sigma.length, windows);
        for (int b = 0; b < sigma.length; b++) {
            float pick = pickProbability(sigma[b], k);
            int runAhead = 0;
            // First right to left: mark picked window starts. Then left to right: dilate them by k.
            for (int i = length - 1; i >= 0; i--) {
                runAhead = maskable[b * length + i] ? runAhead + 1 : 0;
                chosen[b * length + i] = i < windows && runAhead >= k && u[b * windows + i] < pick;
            }
            int last = -k;
            for (int i = 0; i < length; i++) {
                if (chosen[b * length + i]) {
                    last = i;
                }
                chosen[b * length + i] = i - last < k;
            }
        }
    }

    /** {@code 1-(1-sigma)^(1/k)}, each operation rounded to float32. */
    static float pickProbability(float sigma, int k) {
        float kept = (float) StrictMath.pow(1f - sigma, (float) (1.0 / k));
        return 1f - kept;
    }

    private static boolean[] equalTo(int[] ids, int id) {
        var equal = new boolean[ids.length];
        for (int i = 0; i < ids.length; i++) {
            equal[i] = ids[i] == id;
        }
        return equal;
    }
}
