package io.coda4j.coder.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A place in a JSON file whose accessors check types, and whose errors name the file and the place as a JSON pointer.
 *
 * @param file the file
 * @param parent the place this one lies in, null for the root
 * @param key name or index inside the parent
 * @param node the value
 */
record JsonCursor(Path file, @Nullable JsonCursor parent, String key, JsonNode node) {
    /** Ids above this are surely mistakes, and would make the table of tokens enormous. */
    private static final int HIGHEST_ID = (1 << 24) - 1;

    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();

    /** A named member of an object. */
    record Member(String name, JsonCursor value) {}

    /** Parses a file strictly: duplicate keys and trailing content are errors. */
    static JsonCursor parse(Path file) {
        try {
            var root = MAPPER.readTree(Files.readAllBytes(file));
            if (root.isMissingNode()) {
                throw new TokenizerException(file + ": the file is empty");
            }
            return new JsonCursor(file, null, "", root);
        } catch (NoSuchFileException e) {
            throw new TokenizerException(file + ": no such file", e);
        } catch (IOException e) {
            throw new TokenizerException(file + ": cannot be read: " + e.getMessage(), e);
        } catch (JacksonException e) {
            var at = e.getLocation();
            throw new TokenizerException(
                    "%s: line %d, column %d: not valid JSON: %s"
                            .formatted(
                                    file,
                                    at == null ? 0 : at.getLineNr(),
                                    at == null ? 0 : at.getColumnNr(),
                                    firstLine(e.getOriginalMessage())),
                    e);
        }
    }

    private static String firstLine(String message) {
        return message.lines().findFirst().orElse(message);
    }

    TokenizerException error(String message) {
        return new TokenizerException(file + ": at " + pointer() + ": " + message);
    }

    private String pointer() {
        if (parent == null) {
            return "/";
        }
        String before = parent.parent == null ? "" : parent.pointer();
        return before + "/" + key.replace("~", "~0").replace("/", "~1");
    }

    private TokenizerException expected(String what) {
        return error("expected " + what + ", found " + describe());
    }

    private String describe() {
        return switch (node.getNodeType()) {
            case OBJECT -> "an object";
            case ARRAY -> "an array";
            case NULL -> "null";
            case STRING, NUMBER, BOOLEAN, BINARY, POJO, MISSING -> {
                String text = node.toString();
                yield text.length() > 60 ? text.substring(0, 60) + "..." : text;
            }
        };
    }

    /** Returns the member {@code name}, which must be there; it may be null. */
    JsonCursor field(String name) {
        requireObject();
        JsonNode child = node.get(name);
        if (child == null) {
            throw error("the field '" + name + "' is missing");
        }
        return new JsonCursor(file, this, name, child);
    }

    /** Returns the member {@code name} unless it is absent or null. */
    Optional<JsonCursor> optional(String name) {
        requireObject();
        JsonNode child = node.get(name);
        return child == null || child.isNull()
                ? Optional.empty()
                : Optional.of(new JsonCursor(file, this, name, child));
    }

    List<Member> members() {
        requireObject();
        var members = new ArrayList<Member>(node.size());
        node.properties()
                .forEach(
                        e -> members.add(new Member(e.getKey(), new JsonCursor(file, this, e.getKey(), e.getValue()))));
        return members;
    }

    List<JsonCursor> elements() {
        if (!node.isArray()) {
            throw expected("an array");
        }
        var elements = new ArrayList<JsonCursor>(node.size());
        for (JsonNode child : node) {
            elements.add(new JsonCursor(file, this, Integer.toString(elements.size()), child));
        }
        return elements;
    }

    private void requireObject() {
        if (!node.isObject()) {
            throw expected("an object");
        }
    }

    boolean isString() {
        return node.isString();
    }

    String string() {
        if (!node.isString()) {
            throw expected("a string");
        }
        return node.stringValue();
    }

    boolean bool() {
        if (!node.isBoolean()) {
            throw expected("true or false");
        }
        return node.booleanValue();
    }

    boolean boolOr(String name, boolean absent) {
        return optional(name).map(JsonCursor::bool).orElse(absent);
    }

    /** Returns a token id: a whole number from 0 to 16,777,215. */
    int id() {
        if (!node.isIntegralNumber()
                || !node.canConvertToInt()
                || node.intValue() < 0
                || node.intValue() > HIGHEST_ID) {
            throw expected("a token id (a whole number from 0 to " + HIGHEST_ID + ")");
        }
        return node.intValue();
    }

    /** Demands that the member {@code name} is absent, null or {@code wanted}. */
    void requireUnset(String name, boolean wanted) {
        optional(name).ifPresent(value -> {
            if (value.bool() != wanted) {
                throw value.error(name + " " + value.bool() + " is not supported, only " + wanted);
            }
        });
    }
}
