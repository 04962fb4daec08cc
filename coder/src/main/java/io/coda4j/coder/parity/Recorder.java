package io.coda4j.coder.parity;

import io.coda4j.coder.parity.ParityResult.Status;
import io.coda4j.tensor.Scope;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** Turns checks into results: whatever happens inside one becomes its PASS or FAIL, and the next one goes on. */
final class Recorder {
    private final String family;
    private final Consumer<ParityResult> listener;
    private int results;

    Recorder(String family, Consumer<ParityResult> listener) {
        this.family = family;
        this.listener = listener;
    }

    /** Replays one case. */
    void check(String name, Tolerance tolerance, Consumer<Comparison> body) {
        var comparison = new Comparison();
        var failure = attempt(() -> body.accept(comparison));
        if (failure == null) {
            report(name, comparison.maxAbsolute(), comparison.maxRelative(), tolerance, comparison.mismatch());
        } else {
            report(name, Double.NaN, Double.NaN, tolerance, failure);
        }
    }

    /** Does what several cases have in common; if that fails, it is reported in place of them under {@code name}. */
    void group(String name, Tolerance tolerance, Runnable body) {
        var failure = attempt(body);
        if (failure != null) {
            report(name, Double.NaN, Double.NaN, tolerance, failure);
        }
    }

    private static @Nullable String attempt(Runnable body) {
        try (var _ = Scope.open()) {
            body.run();
            return null;
        } catch (RuntimeException e) {
            // The project's own exceptions say what is wrong; of others the kind belongs to the message.
            boolean isOwn = e.getMessage() != null && e.getClass().getName().startsWith("io.coda4j.");
            return isOwn ? e.getMessage() : e.toString();
        }
    }

    private void report(String name, double absolute, double relative, Tolerance tolerance, @Nullable String problem) {
        results++;
        var status = problem == null ? Status.PASS : Status.FAIL;
        listener.accept(new ParityResult(family, name, absolute, relative, tolerance.toString(), status, problem));
    }

    /** Says that something of the family is not in the folder. */
    void skip(String reason) {
        listener.accept(ParityResult.skipped(family, reason));
    }

    int results() {
        return results;
    }
}
