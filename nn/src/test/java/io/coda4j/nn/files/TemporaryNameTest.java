package io.coda4j.nn.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class TemporaryNameTest {
    @Test
    void aNameIsKnownAgainAndNobodyElses() {
        for (var target : List.of(Path.of("model.safetensors"), Path.of("out", "a b.json"))) {
            var name = TemporaryName.of(target);
            assertEquals(target.getParent(), name.getParent());
            assertTrue(TemporaryName.isOf(name), name::toString);
            assertFalse(TemporaryName.isOf(target));
            assertNotEquals(name, TemporaryName.of(target));
        }
        assertFalse(TemporaryName.isOf(Path.of(".notes.1.tmp")));
    }
}
