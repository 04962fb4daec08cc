package io.coda4j.coder.generate;

import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Window;
import io.coda4j.nn.KvCache;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Tree;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** What is kept of a row between steps: the tokens it was computed from, its hidden states or its caches. */
final class RowState implements AutoCloseable {
    private static final int NOTHING = -1;

    private final int capacity;
    private int[] computed;
    private int lastWindowStart = NOTHING;
    private int passes;
    private List<KvCache> caches = List.of();
    private @Nullable HiddenStates states;
    private boolean statesAreOfWhole;
    private int firstState;
    private int[] stateColumns = {};

    /** A row of which nothing is computed, with caches of {@code capacity} positions, or 0 without. */
    RowState(int length, int capacity) {
        this.capacity = capacity;
        this.computed = new int[length];
        Arrays.fill(computed, NOTHING);
    }

    int capacity() {
        return capacity;
    }

    /** Goes on with a row of another length, of which the columns that both have stay computed. */
    void resize(int length) {
        if (length == computed.length) {
            return;
        }
        releaseStates();
        int before = computed.length;
        computed = Arrays.copyOf(computed, length);
        Arrays.fill(computed, Math.min(before, length), length, NOTHING);
    }

    /** Where the row stands with {@code tokens} and {@code window}. */
    Caching.Progress progress(int[] tokens, int lead, Window window) {
        int first = Arrays.mismatch(tokens, computed);
        int last = NOTHING;
        for (int i = 0; first >= 0 && i < tokens.length; i++) {
            last = tokens[i] == computed[i] ? last : i;
        }
        return new Caching.Progress(
                tokens.length, lead, window, lastWindowStart, first < 0 ? tokens.length : first, last, passes);
    }

    /** Whether a pass over all of exactly these tokens has given the hidden states of {@code columns}. */
    boolean hasStatesOf(int[] tokens, int[] columns) {
        return states != null
                && statesAreOfWhole
                && Arrays.equals(tokens, computed)
                && Arrays.stream(columns).allMatch(column -> Arrays.binarySearch(stateColumns, column) >= 0);
    }

    /** Notes that {@code window} is worked on. */
    void seen(Window window) {
        lastWindowStart = window.start();
    }

    /** The hidden states of the last pass. */
    HiddenStates states() {
        if (states == null) {
            throw new IllegalStateException("no pass was made over this row");
        }
        return states;
    }

    /** Where the hidden state of a column stands among {@link #states}. */
    int stateOf(int column) {
        return firstState + Arrays.binarySearch(stateColumns, column);
    }

    /** The caches of all layers; empty before the first pass. They are consumed by the pass they are given to. */
    List<KvCache> caches() {
        return caches;
    }

    void setCaches(List<KvCache> next) {
        caches = next;
    }

    /**
     * Notes that the columns from {@code start} to {@code end} have been computed from {@code tokens}.
     *
     * @param columns of which there is a hidden state in {@code result}, rising
     * @param first where the state of the first of them stands there
     */
    void computed(int[] tokens, int start, int end, Window window, int[] columns, HiddenStates result, int first) {
        releaseStates();
        states = result;
        firstState = first;
        stateColumns = columns;
        statesAreOfWhole = start == 0 && end == tokens.length;
        System.arraycopy(tokens, start, computed, start, end - start);
        passes = statesAreOfWhole ? 1 : passes + 1;
        seen(window);
    }

    /** Forgets the columns from {@code end} on, which were computed behind other tokens than those that stand there now. */
    void forgetFrom(int end) {
        Arrays.fill(computed, end, computed.length, NOTHING);
    }

    private void releaseStates() {
        if (states != null) {
            states.release();
            states = null;
        }
    }

    @Override
    public void close() {
        releaseStates();
        Tree.leaves(caches).values().forEach(leaf -> ((Array) leaf).close());
        caches = List.of();
    }
}
