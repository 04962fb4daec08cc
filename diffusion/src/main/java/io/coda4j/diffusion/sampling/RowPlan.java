package io.coda4j.diffusion.sampling;

/**
 * The windows of one row over the steps of a run.
 *
 * <p>Blocks start at the first masked column, and steps are split evenly, the remainder to the first blocks. Everything
 * depends on the row alone, so a row decodes the same in any batch.
 */
final class RowPlan {
    private final UnmaskingSettings settings;
    private final int row;
    private final int start;
    private final int length;
    private final int blockLength;
    private final int blocks;
    private int initialMasks;

    RowPlan(UnmaskingSettings settings, Canvas canvas, int row) {
        this.settings = settings;
        this.row = row;
        this.length = canvas.length();
        boolean isBlockwise = settings.blockLength() > 0;
        this.start = isBlockwise ? firstMasked(canvas) : 0;
        this.blockLength = isBlockwise ? settings.blockLength() : length;
        this.blocks = Math.max(1, Math.ceilDiv(length - start, blockLength));
        if (settings.steps() < blocks) {
            throw new IllegalArgumentException("row " + row + " has " + blocks + " blocks of " + blockLength
                    + " columns, but there are only " + settings.steps()
                    + " steps; raise steps or blockLength so that every block gets a step");
        }
    }

    private int firstMasked(Canvas canvas) {
        for (int i = 0; i < length; i++) {
            if (canvas.tokens()[row * length + i] == settings.maskId()) {
                return i;
            }
        }
        return length;
    }

    Window window(int step) {
        int base = settings.steps() / blocks;
        int longer = settings.steps() % blocks;
        int inLonger = longer * (base + 1);
        int block = step < inLonger ? step / (base + 1) : longer + (step - inLonger) / base;
        int steps = block < longer ? base + 1 : base;
        int first = step < inLonger ? block * (base + 1) : inLonger + (block - longer) * base;
        int from = Math.min(length, start + block * blockLength);
        return new Window(from, Math.min(length, from + blockLength), step - first, steps);
    }

    /** Tokens of this row to commit in {@code window}, where {@code live} are masked. */
    int transfers(Window window, int live) {
        if (window.step() == 0) {
            initialMasks = live;
        }
        return settings.transfers().transfers(window.step(), window.steps(), live, initialMasks);
    }
}
