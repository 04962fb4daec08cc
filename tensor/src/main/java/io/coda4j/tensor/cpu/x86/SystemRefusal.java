package io.coda4j.tensor.cpu.x86;

/** The operating system refuses a call; the message says which, and why. */
public final class SystemRefusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String reason;

    SystemRefusal(String reason) {
        super(reason);
        this.reason = reason;
    }

    /** The message. */
    public String reason() {
        return reason;
    }
}
