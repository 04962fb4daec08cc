package io.coda4j.coder.train;

import io.coda4j.coder.files.Sha256;
import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A stream of tokens cut into blocks, in an order that is a function of seed, epoch and position alone.
 *
 * <p>Each epoch cuts at another offset and visits every block once, in another order; there is no state to save but the
 * number of rows already read.
 */
public final class TokenBlocks {
    private final int[] tokens;
    private final int length;
    private final CounterRandom random;
    private final int blocks;
    private int cachedEpoch = -1;
    private int @Nullable [] cachedOrder;

    /**
     * Blocks of {@code length} tokens.
     *
     * @throws IllegalArgumentException if there are fewer than two blocks
     */
    public TokenBlocks(int[] tokens, int length, long seed) {
        this.tokens = tokens;
        this.length = length;
        this.random = new CounterRandom(seed);
        // One block fewer than fit, so that every offset gives the same number.
        this.blocks = tokens.length / length - 1;
        if (blocks < 1) {
            throw new IllegalArgumentException("the corpus has " + tokens.length
                    + " training tokens, too few for blocks of " + length + "; use more text or shorter blocks");
        }
    }

    /** A hash of all tokens, which tells whether a resumed run reads what it read before: text, cleaning and tokenizer. */
    public String fingerprint() {
        var bytes = ByteBuffer.allocate(4 * tokens.length);
        bytes.asIntBuffer().put(tokens);
        return Sha256.hex(bytes.array());
    }

    /** The number of blocks in an epoch. */
    public int blocksPerEpoch() {
        return blocks;
    }

    /** The epoch, counted from 0, that row {@code row} of the run belongs to. */
    public int epoch(long row) {
        return Math.toIntExact(row / blocks);
    }

    /** Copies the block that is row {@code row} of the run to {@code target} from {@code at} on. */
    public void copy(long row, int[] target, int at) {
        int epoch = epoch(row);
        int offset = random.uniformInt(Purpose.SHUFFLE, epoch, 0, 0, 0, length);
        int block = order(epoch)[(int) (row % blocks)];
        System.arraycopy(tokens, offset + block * length, target, at, length);
    }

    private int[] order(int epoch) {
        if (cachedOrder == null || cachedEpoch != epoch) {
            // Sorting by random keys; the block number in the low bits makes every key different.
            cachedOrder = IntStream.range(0, blocks)
                    .mapToLong(block -> key(epoch, block))
                    .sorted()
                    .mapToInt(key -> (int) (key & 0xffff_ffffL))
                    .toArray();
            cachedEpoch = epoch;
        }
        return cachedOrder;
    }

    private long key(int epoch, int block) {
        long word = random.uniformInt(Purpose.SHUFFLE, epoch, 1, block, 0, Integer.MAX_VALUE);
        return word << 32 | block;
    }
}
