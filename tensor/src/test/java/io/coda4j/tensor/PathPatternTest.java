package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PathPatternTest {
    @ParameterizedTest
    @CsvSource({
        "a.b, a.b, true",
        "a.b, a.bc, false",
        "a.b, a, false",
        "a.b, x.a.b, false",
        "layers.*.weight, layers.0.weight, true",
        "layers.*.weight, layers.12.weight, true",
        "layers.*.weight, layers.weight, false",
        "layers.*.weight, layers.0.q.weight, false",
        "layers.**.weight, layers.0.q.weight, true",
        "layers.**.weight, layers.weight, true",
        "state.**, state, true",
        "state.**, state.m.0, true",
        "state.**, states.m, false",
        "**, '', true",
        "**, a.b.c, true",
        "**.weight, weight, true",
        "**.weight, a.b.weight, true",
        "*, a, true",
        "*, a.b, false",
        "*, '', false",
        "a.b, aXb, false",
        "a(b, a(b, true",
    })
    void matchesWholePaths(String pattern, String path, boolean expected) {
        assertEquals(expected, PathPattern.of(pattern).matches(path));
    }

    @ParameterizedTest
    @CsvSource({"layers.*.weight", "**"})
    void printsAsWritten(String text) {
        assertEquals(text, PathPattern.of(text).toString());
    }
}
