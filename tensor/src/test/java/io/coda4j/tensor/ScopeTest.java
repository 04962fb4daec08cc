package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class ScopeTest {
    private static Array array() {
        return Array.of(Shape.of(2), 1, 2f);
    }

    private static void assertReleased(Array array, String reason) {
        var error = assertThrows(IllegalStateException.class, array::buffer);
        assertTrue(error.getMessage().contains("array f32[2] has no value any more: " + reason), error::getMessage);
    }

    @Test
    void arraysOfAScopeEndWithIt() {
        Array inside;
        Tensor computed;
        try (var _ = Scope.open()) {
            inside = array();
            computed = inside.exp();
            assertEquals(2, inside.toFloats().length);
        }
        assertReleased(inside, "its scope ended; keep(...) what must survive a scope");
        assertReleased((Array) computed, "its scope ended");
        assertThrows(IllegalStateException.class, inside::neg);
    }

    @Test
    void keptTreeMovesToTheEnclosingScope() {
        List<Array> kept;
        try (var _ = Scope.open()) {
            try (var inner = Scope.open()) {
                kept = inner.keep(List.of(array(), array()));
            }
            assertEquals(2, kept.getFirst().toFloats().length);
        }
        kept.forEach(array -> assertReleased(array, "its scope ended"));
    }

    @Test
    void arrayKeptByTheOutermostScopeLives() {
        Array kept;
        try (var scope = Scope.open()) {
            kept = scope.keep(array());
        }
        assertArrayEquals(new float[] {1, 2}, kept.toFloats());
        kept.close();
    }

    @Test
    void arraysFromOutsideAreUntouched() {
        var outside = array();
        try (var scope = Scope.open()) {
            scope.keep(outside);
            outside.exp();
        }
        assertArrayEquals(new float[] {1, 2}, outside.toFloats());
    }

    @Test
    void closedArrayIsGone() {
        var array = array();
        array.close();
        array.close();
        assertReleased(array, "it was closed");
    }

    @Test
    void scopesCloseInReverseOrder() {
        try (var outer = Scope.open()) {
            try (var _ = Scope.open()) {
                var error = assertThrows(IllegalStateException.class, outer::close);
                assertTrue(error.getMessage().contains("closed before a scope inside it"), error::getMessage);
            }
        }
    }

    @Test
    void scopeBelongsToItsThread() throws InterruptedException {
        try (var scope = Scope.open()) {
            var failure = new AtomicReference<Throwable>();
            var thread = Thread.ofPlatform().name("other").start(() -> {
                failure.set(assertThrows(IllegalStateException.class, scope::close));
            });
            thread.join();
            assertTrue(String.valueOf(failure.get()).contains("scope closed on thread other, opened on"));
        }
    }
}
