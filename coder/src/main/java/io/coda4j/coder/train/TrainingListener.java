package io.coda4j.coder.train;

/** Hears what happens in a training run. */
public interface TrainingListener {
    /** Hears nothing. */
    TrainingListener SILENT = new TrainingListener() {};

    /**
     * One step.
     *
     * @param step steps done, this one included
     * @param epoch passes over the training text since the start of the run, with a fraction
     * @param tokens tokens read since the start of the run
     * @param millis time spent training since the start of the run
     * @param loss before the update
     * @param lossByNoise mean cross-entropy per scored token, in equal buckets of the noise level; NaN where none fell
     * @param scored tokens that were masked and scored
     */
    record Step(
            long step,
            double epoch,
            long tokens,
            long millis,
            double loss,
            double[] lossByNoise,
            double learningRate,
            double gradientNorm,
            int scored) {}

    /** The run begins, or goes on, after {@code step} steps. */
    default void started(long step) {}

    /** A step was done. */
    default void stepped(Step step) {}

    /** The model was evaluated after {@code step} steps. */
    default void evaluated(long step, long millis, HeldOutEvaluation.Result result) {}

    /** A checkpoint was written after {@code step} steps. */
    default void saved(long step) {}
}
