package io.coda4j.coder.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

final class MethodBodiesTest {
    private static List<String> bodies(String text) {
        return MethodBodies.of(List.of(text)).getFirst().orElseThrow().stream()
                .map(r -> text.substring(r.start(), r.end()))
                .toList();
    }

    @Test
    void methodsConstructorsAndNestedMethodsHaveBodies() {
        String text = """
                package a;
                record P(int x) { P { if (x < 0) { throw new Error(); } } }
                abstract class A {
                    A() { this.f = 1; }
                    int f = 2;
                    abstract void none();
                    Runnable r() { return new Runnable() { public void run() { f++; } }; }
                    static String s() { return "{ not a body }"; }
                }
                """;
        assertEquals(
                List.of(
                        "{ if (x < 0) { throw new Error(); } }",
                        "{ this.f = 1; }",
                        "{ return new Runnable() { public void run() { f++; } }; }",
                        "{ f++; }",
                        "{ return \"{ not a body }\"; }"),
                bodies(text));
    }

    @Test
    void brokenTextsAreToldApartFromThoseWithoutBodies() {
        var found = MethodBodies.of(List.of("class A { void f( { }", "interface B {}", "class C { void f() { } }"));
        assertTrue(found.get(0).isEmpty());
        assertEquals(List.of(), found.get(1).orElseThrow());
        assertEquals(1, found.get(2).orElseThrow().size());
    }

    @Test
    void aTextNestedTooDeeplyForTheParserCostsNoOther() {
        var chain = "if (a) return; else ".repeat(100_000);
        var found = MethodBodies.of(
                List.of("class A { void f() { } }", "class B { void f() { " + chain + "; } }", "interface C {}"));
        assertEquals(1, found.get(0).orElseThrow().size());
        assertTrue(found.get(1).isEmpty());
        assertEquals(List.of(), found.get(2).orElseThrow());
    }

    @Test
    void moreTextsThanOneBatchKeepTheirOrder() {
        var texts = java.util.stream.IntStream.range(0, 1_001)
                .mapToObj(i -> " ".repeat(i % 7) + "class A" + i + " { void f() {} }")
                .toList();
        var found = MethodBodies.of(texts);
        for (int i = 0; i < texts.size(); i++) {
            assertEquals(
                    texts.get(i).indexOf("{}"),
                    found.get(i).orElseThrow().getFirst().start());
        }
    }
}
