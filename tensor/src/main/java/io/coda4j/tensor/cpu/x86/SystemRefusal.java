package io.coda4j.tensor.cpu.x86;

/** The operating system does not allow machine code; the message says what it refused and why. */
final class SystemRefusal extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String reason;

    SystemRefusal(String reason) {
        super(reason);
        this.reason = reason;
    }

    String reason() {
        return reason;
    }
}
