package io.coda4j.diffusion.sampling;

/** Watches a run without being able to change it, so that steps may still be skipped. Nothing it is shown is to be changed. */
public interface RunListener {
    /** Nobody watches. */
    RunListener NONE = new RunListener() {};

    /** Called once before the first step. */
    default void begun(Canvas canvas) {}

    /** Called for every piece of logits {@code [count, V]} of {@code request.positions()[first..first+count)}. */
    default void evaluated(DenoiseRequest request, int first, int count, float[] logits) {}

    /** Called after every step, skipped ones included. */
    default void committed(int step, Canvas canvas) {}
}
