package io.coda4j.coder.generate;

import io.coda4j.coder.generate.ModelPrograms.Size;
import io.coda4j.tensor.Array;
import java.util.List;

/**
 * The hidden states of a pass, which the rows that it was about share. They are released when each of these rows has had
 * another pass.
 */
final class HiddenStates {
    private final Array states;
    private final List<Size> sizes;
    private int users;

    /**
     * States [T,D] of all columns of a pass.
     *
     * @param sizes of the pass
     */
    HiddenStates(Array states, List<Size> sizes) {
        this.states = states;
        this.sizes = sizes;
        this.users = sizes.size();
    }

    /** [T,D] */
    Array states() {
        return states;
    }

    /** The sizes of the pass. */
    List<Size> sizes() {
        return sizes;
    }

    /** Called by each row once. */
    void release() {
        users--;
        if (users == 0) {
            states.close();
        }
    }
}
