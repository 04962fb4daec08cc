package io.coda4j.coder.corpus;

import io.coda4j.coder.files.Sha256;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Decides by its path alone whether a file is held out, so that adding or removing a file never moves another.
 *
 * @param seed chooses one of many splits
 * @param heldOutFraction share of the files that is held out, about
 */
public record Split(long seed, double heldOutFraction) {
    /**
     * One file in ten is held out, with the first seed that holds out a tenth of the characters too, within one percent,
     * in both corpora of {@link CorpusCatalogue}; files differ much in size.
     */
    public static final Split DEFAULT = new Split(8, 0.1);

    public Split {
        if (!(heldOutFraction >= 0 && heldOutFraction < 1)) {
            throw new CorpusException("The held-out fraction must be at least 0 and below 1, not " + heldOutFraction);
        }
    }

    /** Returns whether the file of that path is held out. */
    public boolean holdsOut(String path) {
        var digest = Sha256.digest();
        digest.update(ByteBuffer.allocate(8).putLong(seed).flip());
        digest.update(path.getBytes(StandardCharsets.UTF_8));
        // The top 53 bits as a fraction in [0, 1).
        double drawn = (ByteBuffer.wrap(digest.digest()).getLong() >>> 11) * 0x1p-53;
        return drawn < heldOutFraction;
    }
}
