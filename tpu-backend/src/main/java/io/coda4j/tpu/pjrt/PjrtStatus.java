package io.coda4j.tpu.pjrt;

/** Kinds of failure, as PJRT numbers them: the codes of {@code absl::Status}. */
enum PjrtStatus {
    OK,
    CANCELLED,
    UNKNOWN,
    INVALID_ARGUMENT,
    DEADLINE_EXCEEDED,
    NOT_FOUND,
    ALREADY_EXISTS,
    PERMISSION_DENIED,
    RESOURCE_EXHAUSTED,
    FAILED_PRECONDITION,
    ABORTED,
    OUT_OF_RANGE,
    UNIMPLEMENTED,
    INTERNAL,
    UNAVAILABLE,
    DATA_LOSS,
    UNAUTHENTICATED;

    /** The kind with number {@code code}; {@link #UNKNOWN} for numbers of later versions. */
    static PjrtStatus of(int code) {
        return code >= 0 && code < values().length ? values()[code] : UNKNOWN;
    }
}
