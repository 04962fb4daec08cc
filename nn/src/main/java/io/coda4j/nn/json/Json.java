package io.coda4j.nn.json;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * A JSON value (RFC 8259), read strictly: duplicate keys, unpaired surrogates, raw control characters, trailing text and
 * nesting deeper than {@value JsonParser#MAX_DEPTH} are errors.
 *
 * <p>The {@code as...} methods throw a {@link JsonException} that names the expected and the found kind.
 */
public sealed interface Json {

    /** An object; members keep the order of the text. */
    record Obj(SequencedMap<String, Json> members) implements Json {
        public Obj {
            members = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(members));
        }

        /** The member called {@code key}; an error that lists the members present if there is none. */
        public Json member(String key) {
            var value = members.get(key);
            if (value == null) {
                throw new JsonException("no member \"" + key + "\" in an object with members " + members.keySet());
            }
            return value;
        }
    }

    /** An array. */
    record Arr(List<Json> items) implements Json {
        public Arr {
            items = List.copyOf(items);
        }
    }

    /** A string, escapes already decoded. */
    record Str(String value) implements Json {}

    /** A number, kept as its text so that integers above 2^53 lose nothing. */
    record Num(String text) implements Json {}

    /** True or false. */
    record Bool(boolean value) implements Json {}

    /** The null literal. */
    record Null() implements Json {}

    /** Parses one JSON text that fills {@code text} apart from white space around it. */
    static Json parse(String text) {
        return new JsonParser(text).parse();
    }

    /** The string {@code value} as a JSON literal with its quotes. */
    static String quote(String value) {
        var out = new StringBuilder(value.length() + 2);
        JsonPrinter.quote(value, out);
        return out.toString();
    }

    /** This value as JSON text without white space. */
    default String toText() {
        var out = new StringBuilder();
        JsonPrinter.print(this, out);
        return out.toString();
    }

    default Obj asObject() {
        if (this instanceof Obj object) {
            return object;
        }
        throw JsonKinds.mismatch("an object", this);
    }

    default List<Json> asList() {
        if (this instanceof Arr array) {
            return array.items();
        }
        throw JsonKinds.mismatch("an array", this);
    }

    default String asString() {
        if (this instanceof Str string) {
            return string.value();
        }
        throw JsonKinds.mismatch("a string", this);
    }

    default boolean asBoolean() {
        if (this instanceof Bool bool) {
            return bool.value();
        }
        throw JsonKinds.mismatch("true or false", this);
    }

    default boolean isNull() {
        return this instanceof Null;
    }

    default double asDouble() {
        if (this instanceof Num number) {
            return Double.parseDouble(number.text());
        }
        throw JsonKinds.mismatch("a number", this);
    }

    /** An integer literal that fits a long; a fraction, an exponent or an overflow is an error. */
    default long asLong() {
        if (!(this instanceof Num(var text))) {
            throw JsonKinds.mismatch("an integer", this);
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new JsonException("expected an integer between -2^63 and 2^63-1, got " + text);
        }
    }

    /** An integer literal that fits an int. */
    default int asInt() {
        long value = asLong();
        if (value != (int) value) {
            throw new JsonException("expected an integer between -2^31 and 2^31-1, got " + value);
        }
        return (int) value;
    }
}
