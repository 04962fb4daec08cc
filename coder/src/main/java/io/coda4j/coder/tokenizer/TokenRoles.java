package io.coda4j.coder.tokenizer;

/**
 * The added tokens that training and sampling treat in a special way, by their text.
 *
 * @param pad fills rows behind the end of a text
 * @param eos ends a turn or a document
 * @param mask stands for a token that is not known yet
 */
public record TokenRoles(String pad, String eos, String mask) {
    /** CoDA's roles: {@code <|endoftext|>} pads, {@code <|im_end|>} ends, {@code <|mask|>} masks. */
    public static final TokenRoles CODA = new TokenRoles("<|endoftext|>", "<|im_end|>", "<|mask|>");
}
