package io.coda4j.tensor.opencl;

import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/**
 * The shape of the matrix product, which measuring may decide.
 *
 * @param tile on GPUs
 * @param rows on processors: rows of results that one item computes, a multiple of 6
 */
record ClTuning(ClTile tile, int rows) {
    /** What is used where nothing was measured. */
    static final ClTuning DEFAULT = new ClTuning(ClTile.DEFAULT, 96);

    /** A valid choice. */
    ClTuning {
        if (rows <= 0 || rows % 6 != 0) {
            throw new IllegalArgumentException("an item cannot compute " + rows + " rows");
        }
    }

    /** What to measure: the default first. */
    static List<ClTuning> candidates(boolean forGpu) {
        return forGpu
                ? Stream.of(
                                ClTile.DEFAULT,
                                new ClTile(64, 64, 8),
                                new ClTile(64, 64, 32),
                                new ClTile(32, 64, 16),
                                new ClTile(128, 64, 16),
                                new ClTile(128, 128, 8),
                                new ClTile(128, 128, 16))
                        .map(tile -> new ClTuning(tile, DEFAULT.rows))
                        .toList()
                : Stream.of(96, 24, 48, 192, 384)
                        .map(rows -> new ClTuning(ClTile.DEFAULT, rows))
                        .toList();
    }

    /** The part that counts on a device, for people. */
    String describe(boolean forGpu) {
        return forGpu ? "tile " + tile : rows + " rows";
    }

    /** The choice as a line that {@link #parse} reads. */
    String format() {
        return String.format(Locale.ROOT, "tile %d %d %d rows %d", tile.m(), tile.n(), tile.k(), rows);
    }

    /**
     * Reads {@link #format}.
     *
     * @throws IllegalArgumentException if the text is none
     */
    static ClTuning parse(String text) {
        var words = text.strip().split(" ");
        if (words.length != 6 || !words[0].equals("tile") || !words[4].equals("rows")) {
            throw new IllegalArgumentException("not a tuning: " + text);
        }
        var tile = new ClTile(Integer.parseInt(words[1]), Integer.parseInt(words[2]), Integer.parseInt(words[3]));
        return new ClTuning(tile, Integer.parseInt(words[5]));
    }
}
