package io.coda4j.coder.corpus;

/** Says in one line why a corpus cannot be fetched or read, and what to do about it. */
public final class CorpusException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public CorpusException(String message) {
        super(message);
    }

    public CorpusException(String message, Throwable cause) {
        super(message, cause);
    }
}
