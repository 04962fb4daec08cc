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

    /** Both of two listeners, this one first. */
    default RunListener and(RunListener other) {
        var one = this;
        return new RunListener() {
            @Override
            public void begun(Canvas canvas) {
                one.begun(canvas);
                other.begun(canvas);
            }

            @Override
            public void evaluated(DenoiseRequest request, int first, int count, float[] logits) {
                one.evaluated(request, first, count, logits);
                other.evaluated(request, first, count, logits);
            }

            @Override
            public void committed(int step, Canvas canvas) {
                one.committed(step, canvas);
                other.committed(step, canvas);
            }
        };
    }
}
