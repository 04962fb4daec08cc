package io.coda4j.diffusion.sampling;

/**
 * Callbacks that steer a run. With hooks other than {@link #NONE} no step is skipped; to watch only, use a
 * {@link RunListener}.
 */
public interface StepHooks {
    /** No hooks. */
    StepHooks NONE = new StepHooks() {};

    /** Called once before the first step; may change tokens. */
    default void beforeFirstStep(Canvas canvas) {}

    /** Called for every piece of logits {@code [count, V]} of {@code request.positions()[first..first+count)}; may change it. */
    default void logits(DenoiseRequest request, int first, int count, float[] logits) {}

    /** Called after the commits of a step; may change tokens, also back into masks. */
    default void tokens(int step, Canvas canvas) {}
}
