package io.coda4j.nn.json;

import java.util.ArrayList;
import java.util.LinkedHashMap;

/** Recursive-descent parser over a string; depth is bounded so that hostile text cannot exhaust the stack. */
final class JsonParser {
    static final int MAX_DEPTH = 64;

    private final String text;
    private int at;
    private int depth;

    JsonParser(String text) {
        this.text = text;
    }

    Json parse() {
        var value = value();
        skipSpace();
        if (at < text.length()) {
            throw error("text after the end of the value");
        }
        return value;
    }

    private Json value() {
        skipSpace();
        if (at == text.length()) {
            throw error("the text ends where a value is expected");
        }
        return switch (text.charAt(at)) {
            case '{' -> object();
            case '[' -> array();
            case '"' -> new Json.Str(string());
            case 't' -> literal("true", new Json.Bool(true));
            case 'f' -> literal("false", new Json.Bool(false));
            case 'n' -> literal("null", new Json.Null());
            default -> number();
        };
    }

    private Json object() {
        open();
        var members = new LinkedHashMap<String, Json>();
        if (!closes('}')) {
            do {
                skipSpace();
                if (at == text.length() || text.charAt(at) != '"') {
                    throw error("expected a quoted member name");
                }
                int keyAt = at;
                var key = string();
                expect(':');
                if (members.putIfAbsent(key, value()) != null) {
                    at = keyAt;
                    throw error("duplicate key \"" + key + "\"");
                }
            } while (continues('}'));
        }
        depth--;
        return new Json.Obj(members);
    }

    private Json array() {
        open();
        var items = new ArrayList<Json>();
        if (!closes(']')) {
            do {
                items.add(value());
            } while (continues(']'));
        }
        depth--;
        return new Json.Arr(items);
    }

    private void open() {
        at++;
        if (++depth > MAX_DEPTH) {
            throw error("nesting deeper than " + MAX_DEPTH + " levels");
        }
    }

    private boolean closes(char end) {
        skipSpace();
        if (at < text.length() && text.charAt(at) == end) {
            at++;
            return true;
        }
        return false;
    }

    private boolean continues(char end) {
        if (closes(end)) {
            return false;
        }
        if (at == text.length()) {
            throw error("the text ends before '" + end + "'");
        }
        if (text.charAt(at) != ',') {
            throw error("expected ',' or '" + end + "'");
        }
        at++;
        return true;
    }

    private void expect(char c) {
        skipSpace();
        if (at == text.length() || text.charAt(at) != c) {
            throw error("expected '" + c + "'");
        }
        at++;
    }

    private Json literal(String word, Json value) {
        if (!text.startsWith(word, at)) {
            throw error("expected a value");
        }
        at += word.length();
        return value;
    }

    private Json number() {
        int start = at;
        if (peek() == '-') {
            at++;
        }
        if (peek() == '0') {
            at++;
        } else if (digits() == 0) {
            at = start;
            throw error("expected a value");
        }
        if (peek() == '.') {
            at++;
            requireDigits("after the decimal point");
        }
        if (peek() == 'e' || peek() == 'E') {
            at++;
            if (peek() == '+' || peek() == '-') {
                at++;
            }
            requireDigits("in the exponent");
        }
        return new Json.Num(text.substring(start, at));
    }

    private void requireDigits(String where) {
        if (digits() == 0) {
            throw error("expected a digit " + where);
        }
    }

    private int digits() {
        int start = at;
        while (peek() >= '0' && peek() <= '9') {
            at++;
        }
        return at - start;
    }

    private char peek() {
        return at < text.length() ? text.charAt(at) : '\0';
    }

    private String string() {
        at++;
        var out = new StringBuilder();
        while (true) {
            if (at == text.length()) {
                throw error("the text ends inside a string");
            }
            char c = text.charAt(at);
            if (c == '"') {
                at++;
                break;
            }
            if (c < 0x20) {
                throw error(String.format("control character U+%04X inside a string must be escaped", (int) c));
            }
            at++;
            out.append(c == '\\' ? escape() : c);
        }
        requirePairedSurrogates(out);
        return out.toString();
    }

    private char escape() {
        char c = peek();
        at++;
        return switch (c) {
            case '"', '\\', '/' -> c;
            case 'b' -> '\b';
            case 'f' -> '\f';
            case 'n' -> '\n';
            case 'r' -> '\r';
            case 't' -> '\t';
            case 'u' -> hexEscape();
            default -> {
                at -= 2;
                throw error("unknown escape in a string");
            }
        };
    }

    private char hexEscape() {
        int code = 0;
        for (int i = 0; i < 4; i++, at++) {
            int digit = at < text.length() ? Character.digit(text.charAt(at), 16) : -1;
            if (digit < 0 || text.charAt(at) > 'f') {
                throw error("expected four hexadecimal digits after \\u");
            }
            code = code << 4 | digit;
        }
        return (char) code;
    }

    private void requirePairedSurrogates(CharSequence string) {
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            if (Character.isHighSurrogate(c)
                    && i + 1 < string.length()
                    && Character.isLowSurrogate(string.charAt(i + 1))) {
                i++;
            } else if (Character.isSurrogate(c)) {
                throw error("unpaired surrogate in a string");
            }
        }
    }

    private void skipSpace() {
        while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
    }

    private JsonException error(String what) {
        int line = 1;
        int column = 1;
        for (int i = 0; i < Math.min(at, text.length()); i++) {
            column++;
            if (text.charAt(i) == '\n') {
                line++;
                column = 1;
            }
        }
        var found = at < text.length() ? ", found '" + text.charAt(at) + "'" : "";
        return new JsonException(what + " at line " + line + ", column " + column + found);
    }
}
