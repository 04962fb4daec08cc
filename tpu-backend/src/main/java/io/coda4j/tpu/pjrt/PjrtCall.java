package io.coda4j.tpu.pjrt;

import java.lang.foreign.Arena;

/** One call of a plugin's function: its arguments, and after {@link #invoke} its results. */
final class PjrtCall extends StructView implements AutoCloseable {
    private final PjrtApi api;
    private final String function;
    private final Arena arena;
    private final Runnable ended;

    /** {@code ended} runs when the call is closed. */
    PjrtCall(PjrtApi api, String function, Runnable ended) {
        this(api, function, Arena.ofConfined(), ended);
    }

    private PjrtCall(PjrtApi api, String function, Arena arena, Runnable ended) {
        super(CApi.struct(function), roomFor(CApi.struct(function), arena));
        this.api = api;
        this.function = function;
        this.arena = arena;
        this.ended = ended;
    }

    /** For memory that need not outlive the call. */
    Arena arena() {
        return arena;
    }

    /**
     * Calls the function.
     *
     * @throws PjrtException if it returns an error
     */
    PjrtCall invoke() {
        api.invoke(function, memory());
        return this;
    }

    @Override
    public void close() {
        arena.close();
        ended.run();
    }
}
