package io.coda4j.coder.tokenizer;

/** Says in one line what is wrong with a tokenizer file, with token ids, or with a request made of a tokenizer. */
public final class TokenizerException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public TokenizerException(String message) {
        super(message);
    }

    public TokenizerException(String message, Throwable cause) {
        super(message, cause);
    }
}
