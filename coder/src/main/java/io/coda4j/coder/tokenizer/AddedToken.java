package io.coda4j.coder.tokenizer;

/**
 * A token that is matched in the text as a whole, before any splitting, and never takes part in merges.
 *
 * @param id the token's id
 * @param content the exact text that becomes this token
 * @param special whether decoding may leave the token out (control tokens are special, {@code <think>} is not)
 * @param normalized whether the token is looked for after NFC normalisation, itself normalised, instead of in the raw text
 */
public record AddedToken(int id, String content, boolean special, boolean normalized) {
    public AddedToken {
        if (id < 0) {
            throw new TokenizerException("Added token '" + content + "' has the negative id " + id);
        }
        if (content.isEmpty()) {
            throw new TokenizerException("Added token " + id + " has empty content");
        }
    }

    /** Returns a token that is matched in the raw text, as all of CoDA's are. */
    public static AddedToken raw(int id, String content, boolean special) {
        return new AddedToken(id, content, special, false);
    }
}
