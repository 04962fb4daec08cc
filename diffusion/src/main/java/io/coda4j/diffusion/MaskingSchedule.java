package io.coda4j.diffusion;

import java.util.List;

/**
 * The masking setting as a pure function of the training step.
 *
 * <p>A checkpoint stores only the step: nothing here has state, and a resumed run follows the schedule of its own
 * configuration.
 */
public sealed interface MaskingSchedule {

    /** The setting of step {@code step}, counted from 0. */
    MaskingSetting at(long step);

    /** The same setting at every step. */
    record Constant(MaskingSetting setting) implements MaskingSchedule {
        @Override
        public MaskingSetting at(long step) {
            requireStep(step);
            return setting;
        }
    }

    /** Probabilities rise linearly from 0 at step 0 to the target at {@code maxScheduleSteps}. */
    record Linear(MaskingSetting target, long maxScheduleSteps) implements MaskingSchedule {
        public Linear {
            requirePositive("maxScheduleSteps", maxScheduleSteps);
        }

        @Override
        public MaskingSetting at(long step) {
            requireStep(step);
            return target.scaled(Math.min(1.0, (double) step / maxScheduleSteps));
        }
    }

    /**
     * Block sizes change from phase to phase of equal length; everything else follows {@code base}.
     *
     * <p>Phase {@code i} of {@code n} ends before step {@code (int) (maxSteps/n * (i+1))}; the last has no end.
     */
    record Phases(MaskingSchedule base, List<List<Integer>> blockSizes, long maxSteps) implements MaskingSchedule {
        public Phases {
            requirePositive("maxSteps", maxSteps);
            blockSizes = blockSizes.stream().map(List::copyOf).toList();
            if (blockSizes.isEmpty()) {
                throw new IllegalArgumentException("blockSizes has no phase");
            }
        }

        @Override
        public MaskingSetting at(long step) {
            int phase = 0;
            while (phase < blockSizes.size() - 1 && step >= boundary(phase)) {
                phase++;
            }
            return base.at(step).withBlockSizes(blockSizes.get(phase));
        }

        private long boundary(int phase) {
            return (long) ((double) maxSteps / blockSizes.size() * (phase + 1));
        }
    }

    /**
     * One setting per epoch, where epoch = {@code (int) (step/totalSteps * epochs)}.
     *
     * @param cyclic true to start over after the last row, false to keep the last row
     */
    record EpochTable(List<MaskingSetting> rows, int epochs, long totalSteps, boolean cyclic)
            implements MaskingSchedule {
        public EpochTable {
            rows = List.copyOf(rows);
            if (rows.isEmpty()) {
                throw new IllegalArgumentException("rows is empty");
            }
            requirePositive("epochs", epochs);
            requirePositive("totalSteps", totalSteps);
        }

        @Override
        public MaskingSetting at(long step) {
            requireStep(step);
            long epoch = (long) ((double) step / totalSteps * epochs);
            return rows.get((int) (cyclic ? epoch % rows.size() : Math.min(epoch, rows.size() - 1)));
        }
    }

    private static void requireStep(long step) {
        if (step < 0) {
            throw new IllegalArgumentException("step must not be negative, got " + step);
        }
    }

    private static void requirePositive(String name, long value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " must be positive, got " + value);
        }
    }
}
