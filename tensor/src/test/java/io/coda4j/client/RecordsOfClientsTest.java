package io.coda4j.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Tree;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Trees made of records outside the package of {@link Tree}. */
class RecordsOfClientsTest {
    public record Open(Tensor x) {}

    private record Hidden(Tensor x) {}

    @Test
    void publicRecordIsATree() {
        assertEquals(
                List.of("x"),
                List.copyOf(Tree.leaves(new Open(new Symbol(TensorType.f32()))).keySet()));
    }

    @Test
    void privateRecordIsRefusedWithTheReason() {
        var hidden = new Hidden(new Symbol(TensorType.f32()));
        for (var refused : List.<Runnable>of(() -> Tree.leaves(hidden), () -> Tree.structure(hidden))) {
            var error = assertThrows(IllegalArgumentException.class, refused::run);
            assertTrue(
                    error.getMessage()
                            .contains("RecordsOfClientsTest$Hidden must be a public record in a package exported to"),
                    error::getMessage);
        }
    }
}
