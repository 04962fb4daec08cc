package io.coda4j.coder.verify;

/**
 * What one gate said.
 *
 * @param gate its name
 * @param detail what was found, for people; where it failed, what was expected and how to mend it
 */
public record GateResult(String gate, Status status, String detail) {
    /** The outcome of a gate. */
    public enum Status {
        PASS,
        FAIL,
        /** Not tried, because a gate that it builds on failed. */
        SKIP
    }

    static GateResult pass(String gate, String detail) {
        return new GateResult(gate, Status.PASS, detail);
    }

    static GateResult fail(String gate, String detail) {
        return new GateResult(gate, Status.FAIL, detail);
    }

    static GateResult skip(String gate, String detail) {
        return new GateResult(gate, Status.SKIP, detail);
    }
}
