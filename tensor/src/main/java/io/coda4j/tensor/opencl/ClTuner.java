package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Tunable.Trial;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.function.Consumer;

/** Measures the candidates for the matrix product on one F32 product of square matrices. */
final class ClTuner {
    private static final int REPETITIONS = 5;

    private final ClDevice device;
    private final boolean forGpu;
    private final int side;

    /** {@code side} is that of the matrices. */
    ClTuner(ClDevice device, boolean forGpu, int side) {
        this.device = device;
        this.forGpu = forGpu;
        this.side = side;
    }

    /** A choice and how fast it was. */
    record Best(ClTuning tuning, Trial trial) {}

    /** The fastest candidate that gives what the default gives. */
    Best best(Consumer<Trial> report) {
        try (var arena = Arena.ofConfined();
                var x = device.memory().allocate(bytes());
                var w = device.memory().allocate(bytes());
                var y = device.memory().allocate(bytes())) {
            fill(arena, x, 0.7f);
            fill(arena, w, -0.4f);
            var expected = arena.allocate(bytes(), 64);
            run(ClTuning.DEFAULT, x, w, y);
            y.download(expected);
            Best best = null;
            for (var tuning : ClTuning.candidates(forGpu)) {
                var trial = trial(tuning, x, w, y, expected, arena.allocate(bytes(), 64));
                report.accept(trial);
                if (best == null || trial.gigaflops() > best.trial.gigaflops()) {
                    best = new Best(tuning, trial);
                }
            }
            return Objects.requireNonNull(best, "there is always a candidate");
        }
    }

    private long bytes() {
        return 4L * side * side;
    }

    private void fill(Arena arena, ClBuffer buffer, float step) {
        var host = arena.allocate(bytes(), 64);
        for (int i = 0; i < side * side; i++) {
            host.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Math.sin(step * i));
        }
        device.queue().write(host, buffer);
    }

    private void run(ClTuning tuning, ClBuffer x, ClBuffer w, ClBuffer y) {
        var strides = new ClMatmul.Strides(0, side, 1);
        new ClMatmul(device, forGpu, tuning)
                .bind(DType.F32, new ClMatmul.Size(1, side, side, side), strides, strides)
                .run(x, w, y);
    }

    private Trial trial(
            ClTuning tuning, ClBuffer x, ClBuffer w, ClBuffer y, MemorySegment expected, MemorySegment got) {
        var what = tuning.describe(forGpu);
        try {
            double best = Double.MAX_VALUE;
            for (int i = 0; i <= REPETITIONS; i++) {
                device.queue().finish();
                long start = System.nanoTime();
                run(tuning, x, w, y);
                device.queue().finish();
                // The first run builds.
                best = i == 0 ? best : Math.min(best, System.nanoTime() - start);
            }
            y.download(got);
            return isEqual(expected, got)
                    ? new Trial(what, 2.0 * side * side * side / best, "")
                    : new Trial(what, 0, "it computes something else than the default");
        } catch (DeviceException e) {
            return new Trial(
                    what, 0, String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        }
    }

    private boolean isEqual(MemorySegment expected, MemorySegment got) {
        for (int i = 0; i < side * side; i++) {
            float difference =
                    expected.getAtIndex(ValueLayout.JAVA_FLOAT, i) - got.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            if (!(Math.abs(difference) <= 1e-3f * side)) {
                return false;
            }
        }
        return true;
    }
}
