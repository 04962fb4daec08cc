package io.coda4j.diffusion.random;

/**
 * What a random number is for; two purposes never share a number.
 *
 * <p>The codes are part of every recorded run: a new purpose takes a new code, an old one keeps its own.
 */
public enum Purpose {
    PREFIX_GATE(1),
    TRUNCATE_GATE(2),
    PREFIX_LENGTH(3),
    TRUNCATE_POSITION(4),
    NOISE_LEVEL(5),
    BLOCK_GATE(6),
    BLOCK_SIZE(7),
    MASK(8),
    UNMASK_GATE(16),
    UNMASK_ORDER(17),
    TOKEN(18),
    SHUFFLE(32),
    INITIALISATION(33),
    EVALUATION(34),
    TEST(63);

    private final int code;

    Purpose(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }
}
