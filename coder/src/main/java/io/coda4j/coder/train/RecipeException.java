package io.coda4j.coder.train;

/** A recipe that cannot be followed; the message names the file or key, what is wrong and what was expected. */
public final class RecipeException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** An error with a message for the user. */
    public RecipeException(String message) {
        super(message);
    }

    /** An error with a message for the user and the failure underneath. */
    public RecipeException(String message, Throwable cause) {
        super(message, cause);
    }
}
