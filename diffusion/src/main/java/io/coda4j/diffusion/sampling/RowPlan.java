package io.coda4j.diffusion.sampling;

import java.util.stream.IntStream;

/**
 * The windows of one row over the steps of a run.
 *
 * <p>Blocks start at the first masked column; those without a mask take no step. Everything depends on the row alone, so a
 * row decodes the same in any batch.
 */
sealed interface RowPlan {
    /** The window at a step. */
    Window window(int step);

    /** Tokens that {@code window}, where {@code live} are masked, may commit at the most; 0 if the step can be skipped. */
    int mostCommits(Window window, int live);

    /** Tokens to commit, given the confidences of the most confident {@link #mostCommits} positions, falling. */
    int commits(float[] confidences);

    /** The plan of {@code row} of the canvas as it is at the start. */
    static RowPlan of(UnmaskingSettings settings, Canvas canvas, int row) {
        var blocks = Blocks.of(settings, canvas, row);
        return switch (settings.rule()) {
            case CommitRule.Scheduled _ -> new Scheduled(settings, blocks, row);
            case CommitRule.Adaptive rule -> new ByRule(settings, rule, canvas, row, blocks);
        };
    }

    /**
     * The division of a row: the parts that hold masks at the start, from left to right. A row without masks has one empty
     * part.
     *
     * @param starts {@code [blocks]} first columns
     * @param ends {@code [blocks]} columns after the last
     */
    record Blocks(int[] starts, int[] ends) {
        static Blocks of(UnmaskingSettings settings, Canvas canvas, int row) {
            int end = canvas.lengths()[row];
            if (settings.blockLength() == 0) {
                return new Blocks(new int[] {0}, new int[] {end});
            }
            int first = 0;
            while (first < end && canvas.count(settings.maskId(), row, first, first + 1) == 0) {
                first++;
            }
            int length = settings.blockLength();
            int origin = first;
            var starts = IntStream.rangeClosed(0, Math.max(0, end - 1 - first) / length)
                    .map(block -> origin + block * length)
                    .filter(start ->
                            canvas.count(settings.maskId(), row, start, (int) Math.min(end, (long) start + length)) > 0)
                    .toArray();
            if (starts.length == 0) {
                return new Blocks(new int[] {end}, new int[] {end});
            }
            var ends = IntStream.of(starts)
                    .map(start -> (int) Math.min(end, (long) start + length))
                    .toArray();
            return new Blocks(starts, ends);
        }

        int count() {
            return starts.length;
        }

        Window window(int block, int step, int steps) {
            return new Window(starts[block], ends[block], step, steps);
        }
    }

    /** A fixed number of steps, split evenly over the blocks, the remainder to the first ones. */
    final class Scheduled implements RowPlan {
        private final UnmaskingSettings settings;
        private final Blocks blocks;
        private int initialMasks;

        Scheduled(UnmaskingSettings settings, Blocks blocks, int row) {
            this.settings = settings;
            this.blocks = blocks;
            if (settings.steps() < blocks.count()) {
                throw new IllegalArgumentException("row " + row + " has " + blocks.count() + " blocks of "
                        + settings.blockLength() + " columns, but there are only " + settings.steps()
                        + " steps; raise steps or blockLength so that every block gets a step");
            }
        }

        @Override
        public Window window(int step) {
            int base = settings.steps() / blocks.count();
            int longer = settings.steps() % blocks.count();
            int inLonger = longer * (base + 1);
            int block = step < inLonger ? step / (base + 1) : longer + (step - inLonger) / base;
            int steps = block < longer ? base + 1 : base;
            int first = step < inLonger ? block * (base + 1) : inLonger + (block - longer) * base;
            return blocks.window(block, step - first, steps);
        }

        @Override
        public int mostCommits(Window window, int live) {
            if (window.step() == 0) {
                initialMasks = live;
            }
            return settings.transfers().transfers(window.step(), window.steps(), live, initialMasks);
        }

        @Override
        public int commits(float[] confidences) {
            return confidences.length;
        }
    }

    /** As many steps as each block needs. A block that the model refuses to fill is left after one step per mask. */
    final class ByRule implements RowPlan {
        private final UnmaskingSettings settings;
        private final CommitRule.Adaptive rule;
        private final Canvas canvas;
        private final int row;
        private final Blocks blocks;
        private int block = -1;
        private int stepInBlock;
        private int stepsOfBlock;

        ByRule(UnmaskingSettings settings, CommitRule.Adaptive rule, Canvas canvas, int row, Blocks blocks) {
            this.settings = settings;
            this.rule = rule;
            this.canvas = canvas;
            this.row = row;
            this.blocks = blocks;
        }

        @Override
        public Window window(int step) {
            stepInBlock++;
            while (block < blocks.count() && (live() == 0 || stepInBlock >= stepsOfBlock)) {
                block++;
                stepInBlock = 0;
                stepsOfBlock = live();
            }
            return blocks.window(Math.min(block, blocks.count() - 1), stepInBlock, stepsOfBlock);
        }

        private int live() {
            if (block < 0 || block >= blocks.count()) {
                return 0;
            }
            var window = blocks.window(block, 0, 1);
            return canvas.count(settings.maskId(), row, window.start(), window.end());
        }

        boolean isFinished() {
            return block >= blocks.count();
        }

        @Override
        public int mostCommits(Window window, int live) {
            return live;
        }

        @Override
        public int commits(float[] confidences) {
            return confidences.length == 0 ? 0 : rule.commits(confidences);
        }
    }
}
