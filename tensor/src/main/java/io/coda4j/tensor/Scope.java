package io.coda4j.tensor;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A lexical region after which the arrays created in it give their storage back, except those kept.
 *
 * <pre>{@code
 * try (var scope = Scope.open()) {
 *     var loss = step(batch);          // every intermediate array belongs to the scope
 *     return scope.keep(loss);         // survives it
 * }
 * }</pre>
 *
 * Scopes nest, belong to one thread, and must be closed in reverse order of opening.
 */
public final class Scope implements AutoCloseable {
    // Not a ScopedValue: try-with-resources has no body to run with a binding.
    private static final ThreadLocal<@Nullable Scope> INNERMOST = new ThreadLocal<>();

    private final @Nullable Scope parent;
    private final Thread owner = Thread.currentThread();
    private final Set<Array> arrays = Collections.newSetFromMap(new IdentityHashMap<>());

    private Scope(@Nullable Scope parent) {
        this.parent = parent;
    }

    /** Opens a scope inside the innermost one of this thread. */
    public static Scope open() {
        var scope = new Scope(INNERMOST.get());
        INNERMOST.set(scope);
        return scope;
    }

    static void register(Array array) {
        var scope = INNERMOST.get();
        if (scope != null) {
            scope.arrays.add(array);
        }
    }

    /** Hands every array in {@code tree} to the enclosing scope, or to the garbage collector where there is none. */
    public <T> T keep(T tree) {
        for (var leaf : Tree.tensors(tree)) {
            if (leaf instanceof Array array && arrays.remove(array) && parent != null) {
                parent.arrays.add(array);
            }
        }
        return tree;
    }

    /**
     * Releases the arrays that were not kept.
     *
     * @throws IllegalStateException if another scope was opened after this one and is still open
     */
    @Override
    public void close() {
        if (INNERMOST.get() != this) {
            throw new IllegalStateException(
                    owner != Thread.currentThread()
                            ? "scope closed on thread " + Thread.currentThread().getName() + ", opened on "
                                    + owner.getName()
                            : "scope closed before a scope inside it, or closed twice");
        }
        INNERMOST.set(parent);
        arrays.forEach(array -> array.release("its scope ended; keep(...) what must survive a scope"));
        arrays.clear();
    }
}
