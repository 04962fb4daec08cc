package io.coda4j.coder.tokenizer;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.MissingNode;

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

    /** Names are not kept for the next file: a vocabulary has 150,000 of them, each once. */
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .disable(JsonFactory.Feature.CANONICALIZE_PROPERTY_NAMES)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    /** A named member of an object. */
    record Member(String name, JsonCursor value) {}

    /** What is made of the JSON that a parser stands at the first token of. */
    @FunctionalInterface
    interface Reading<T> {
        T read(JsonParser parser);
    }

    /** Parses a file strictly: duplicate keys and trailing content are errors. */
    static JsonCursor parse(Path file) {
        return read(file, parser -> root(file, parser));
    }

    /** The value that a parser of {@code file} stands at. */
    static JsonCursor root(Path file, JsonParser parser) {
        return new JsonCursor(file, null, "", parser.readValueAsTree());
    }

    /** A whole file whose value was not kept. */
    static JsonCursor root(Path file) {
        return new JsonCursor(file, null, "", MissingNode.getInstance());
    }

    /** Reads a file as strictly as {@link #parse} in another way than as a tree, of which long lists make a slow one. */
    static <T> T read(Path file, Reading<T> reading) {
        try (var parser = MAPPER.createParser(text(file))) {
            if (parser.nextToken() == null) {
                throw new TokenizerException(file + ": the file is empty");
            }
            T read = reading.read(parser);
            if (parser.nextToken() != null) {
                throw new StreamReadException(parser, "something follows the end of the value");
            }
            return read;
        } catch (NoSuchFileException e) {
            throw new TokenizerException(file + ": no such file", e);
        } catch (CharacterCodingException e) {
            throw new TokenizerException(file + ": is not UTF-8 text", e);
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

    /** The text of a file, without the mark that some editors put before UTF-8. */
    private static String text(Path file) throws IOException {
        String text = Files.readString(file);
        return text.startsWith("\uFEFF") ? text.substring(1) : text;
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

    TokenizerException expected(String what) {
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

    /** A place below this one whose value was not kept. */
    JsonCursor unread(String name) {
        return new JsonCursor(file, this, name, MissingNode.getInstance());
    }

    /** An element below this place whose value was not kept. */
    JsonCursor unread(int index) {
        return unread(Integer.toString(index));
    }

    /** The value that a parser stands at, as the member {@code name}. */
    JsonCursor reading(String name, JsonParser parser) {
        return new JsonCursor(file, this, name, parser.readValueAsTree());
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
        if (!node.isIntegralNumber() || !node.canConvertToLong() || !isId(node.longValue())) {
            throw expected("a token id (a whole number from 0 to " + HIGHEST_ID + ")");
        }
        return node.intValue();
    }

    /** Returns whether a whole number can be a token id. */
    static boolean isId(long number) {
        return number >= 0 && number <= HIGHEST_ID;
    }

    /** Demands that the member {@code name} is absent, null or {@code wanted}. */
    void requireUnset(String name, boolean wanted) {
        optional(name).ifPresent(value -> value.requireIs(wanted));
    }

    /** Demands that the member {@code name} is there and is {@code wanted}, because absent it means the opposite. */
    void requireSet(String name, boolean wanted) {
        field(name).requireIs(wanted);
    }

    private void requireIs(boolean wanted) {
        if (bool() != wanted) {
            throw error(key + " " + bool() + " is not supported, only " + wanted);
        }
    }
}
