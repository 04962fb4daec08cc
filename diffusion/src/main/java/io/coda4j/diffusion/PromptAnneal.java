package io.coda4j.diffusion;

/**
 * Grows the protected part of prompts from nothing to the whole prompt over the first part of fine-tuning.
 *
 * <p>At progress {@code r = step / (ratio * totalSteps)} only the first {@code floor(r * prompt)} positions of a row are
 * protected, so that training moves from unconditional to conditional. Ratio 0 protects the whole prompt from the start.
 *
 * @param ratio part of training in [0, 1] after which prompts are fully protected: 1/epochs in the CoDA report, 0.05 in its
 *     recipe
 */
public record PromptAnneal(double ratio, long totalSteps) {
    /** Part of training in the published recipe. */
    public static final double RECIPE_RATIO = 0.05;

    public PromptAnneal {
        if (!(ratio >= 0 && ratio <= 1) || totalSteps < 1) {
            throw new IllegalArgumentException(
                    "expected a ratio in [0, 1] and totalSteps >= 1, got " + ratio + " and " + totalSteps);
        }
    }

    /** Protects prompts fully after the first of {@code epochs} epochs. */
    public static PromptAnneal firstEpoch(int epochs, long totalSteps) {
        if (epochs < 1) {
            throw new IllegalArgumentException("epochs must be positive, got " + epochs);
        }
        return new PromptAnneal(1.0 / epochs, totalSteps);
    }

    /**
     * The source mask {@code [B,L]} to use at {@code step} for rows whose prompts are {@code srcMask}.
     *
     * @throws IllegalArgumentException if the mask does not have {@code rows * length} elements
     */
    public boolean[] at(long step, boolean[] srcMask, int rows, int length) {
        ForwardProcess.requireSize("srcMask", srcMask.length, rows, length);
        double progress = ratio == 0 ? 1 : Math.clamp(step / Math.max(1.0, totalSteps * ratio), 0.0, 1.0);
        if (progress == 1) {
            return srcMask.clone();
        }
        var annealed = new boolean[srcMask.length];
        for (int b = 0; b < rows; b++) {
            int prompt = 0;
            for (int i = 0; i < length; i++) {
                prompt += srcMask[b * length + i] ? 1 : 0;
            }
            int kept = (int) Math.floor(prompt * progress);
            for (int i = 0; i < kept; i++) {
                annealed[b * length + i] = true;
            }
        }
        return annealed;
    }
}
