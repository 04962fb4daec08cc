package io.coda4j.nn.json;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class JsonTest {

    @Test
    void readsEveryKindAndKeepsTheOrderOfMembers() {
        var object = Json.parse(" {\"b\":[1,-2.5e3,true,false,null], \"a\":{\"x\":\"y\"}} ")
                .asObject();
        assertEquals(List.of("b", "a"), List.copyOf(object.members().keySet()));
        var items = object.member("b").asList();
        assertEquals(1, items.get(0).asInt());
        assertEquals(-2500.0, items.get(1).asDouble());
        assertTrue(items.get(2).asBoolean());
        assertTrue(items.get(4).isNull());
        assertEquals("y", object.member("a").asObject().member("x").asString());
    }

    @Test
    void decodesEscapesAndSurrogatePairs() {
        assertEquals(
                "\"\\/\b\f\n\r\té😀",
                Json.parse("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\uDE00\"")
                        .asString());
    }

    @Test
    void printsWhatItReads() {
        var text = "{\"a\":[1,2.50,\"q\\\"\\n\\u0001\",null,true],\"b\":{}}";
        assertEquals(text, Json.parse(text).toText());
    }

    @Test
    void keepsIntegersThatADoubleWouldRound() {
        assertEquals(9007199254740993L, Json.parse("9007199254740993").asLong());
        assertEquals(Long.MIN_VALUE, Json.parse("-9223372036854775808").asLong());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``|the text ends where a value is expected",
                "{\"a\":1,\"a\":2}|duplicate key \"a\" at line 1, column 8",
                "[1,]|expected a value",
                "[1 2]|expected ',' or ']'",
                "[1|the text ends before ']'",
                "{a:1}|expected a quoted member name",
                "{\"a\" 1}|expected ':'",
                "{} {}|text after the end of the value at line 1, column 4",
                "\"abc|the text ends inside a string",
                "\"\\x\"|unknown escape",
                "\"\\u12g4\"|four hexadecimal digits",
                "\"\\ud800\"|unpaired surrogate",
                "\"\\udc00\\ud800\"|unpaired surrogate",
                "\"a\tb\"|control character U+0009",
                "01|text after the end",
                "1.|expected a digit after the decimal point",
                "1e|expected a digit in the exponent",
                "-|expected a value",
                "+1|expected a value",
                "NaN|expected a value",
                "nul|expected a value",
                "'x'|expected a value",
            })
    void rejectsTextThatIsNotStrictJson(String text, String problem) {
        var e = assertThrows(JsonException.class, () -> Json.parse(text));
        assertTrue(e.getMessage().contains(problem), e.getMessage());
    }

    @Test
    void boundsTheDepth() {
        assertEquals(
                "[".repeat(64) + "]".repeat(64),
                Json.parse("[".repeat(64) + "]".repeat(64)).toText());
        var e = assertThrows(JsonException.class, () -> Json.parse("[".repeat(100_000)));
        assertTrue(e.getMessage().contains("deeper than 64"), e.getMessage());
    }

    @ParameterizedTest
    @CsvSource({"9223372036854775808", "1.0", "1e3"})
    void asLongRefusesWhatIsNotALong(String text) {
        assertTrue(assertThrows(JsonException.class, () -> Json.parse(text).asLong())
                .getMessage()
                .contains(text));
    }

    @Test
    void kindMismatchNamesBothKinds() {
        var e = assertThrows(JsonException.class, () -> Json.parse("[1]").asObject());
        assertEquals("expected an object, got an array: [1]", e.getMessage());
        var missing = assertThrows(
                JsonException.class, () -> Json.parse("{\"a\":1}").asObject().member("b"));
        assertTrue(
                missing.getMessage().contains("\"b\"") && missing.getMessage().contains("[a]"));
    }
}
