package io.coda4j.coder.tokenizer;

import io.coda4j.coder.tokenizer.BpeModel.Merge;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads the two long lists of a tokenizer, its vocabulary and its merges, as a parser comes to them. As a tree their
 * 300,000 nodes took longer than everything else before a model's first layer.
 */
final class BpeReader {
    private final ObjectNode tree = JsonNodeFactory.instance.objectNode();
    private final JsonCursor root;
    private @Nullable Map<String, Integer> vocabulary;
    private @Nullable List<Merge> merges;

    private BpeReader(Path file) {
        root = new JsonCursor(file, null, "", tree);
    }

    /** Reads a {@code tokenizer.json}. */
    static BpeReader read(Path file) {
        return JsonCursor.read(file, parser -> {
            requireObject(file, parser);
            var reader = new BpeReader(file);
            reader.readRoot(parser);
            return reader;
        });
    }

    private static void requireObject(Path file, JsonParser parser) {
        if (parser.currentToken() != JsonToken.START_OBJECT) {
            throw JsonCursor.root(file, parser).expected("an object");
        }
    }

    private void readRoot(JsonParser parser) {
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = newName(parser, tree);
            if (parser.nextToken() == JsonToken.START_OBJECT && name.equals("model")) {
                readModel(parser, root.unread(name), tree.putObject(name));
            } else {
                tree.set(name, parser.readValueAsTree());
            }
        }
    }

    /** A list of another type than it should be joins the tree: an error of it waits until the model's own type is checked. */
    private void readModel(JsonParser parser, JsonCursor place, ObjectNode model) {
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = newName(parser, model);
            var first = parser.nextToken();
            if (first == JsonToken.START_OBJECT && name.equals("vocab")) {
                model.putNull(name);
                vocabulary = vocabulary(parser, place.unread(name));
            } else if (first == JsonToken.START_ARRAY && name.equals("merges")) {
                model.putNull(name);
                merges = merges(parser, place.unread(name));
            } else {
                model.set(name, parser.readValueAsTree());
            }
        }
    }

    private static String newName(JsonParser parser, ObjectNode members) {
        String name = parser.currentName();
        if (members.has(name)) {
            throw duplicate(parser, name);
        }
        return name;
    }

    private static StreamReadException duplicate(JsonParser parser, String name) {
        return new StreamReadException(parser, "Duplicate field '" + name + "'");
    }

    /** The whole file, null in place of the two lists. */
    JsonCursor root() {
        return root;
    }

    /**
     * Returns the model of the lists.
     *
     * @throws TokenizerException naming the place of the entry that is wrong
     */
    BpeModel model() {
        var place = root.field("model");
        if (merges == null) {
            throw place.field("merges").expected("an array");
        }
        if (vocabulary == null) {
            throw place.field("vocab").expected("an object");
        }
        try {
            return new BpeModel(vocabulary, merges);
        } catch (BpeModel.Invalid e) {
            throw (e.rank() < 0 ? place.unread("vocab") : place.unread("merges").unread(e.rank())).error(e.problem());
        }
    }

    /** Reads a {@code vocab.json}. */
    static Map<String, Integer> readVocabulary(Path file) {
        return JsonCursor.read(file, parser -> {
            requireObject(file, parser);
            return vocabulary(parser, JsonCursor.root(file));
        });
    }

    private static Map<String, Integer> vocabulary(JsonParser parser, JsonCursor place) {
        var ids = new HashMap<String, Integer>();
        var taken = new BitSet();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String token = parser.currentName();
            parser.nextToken();
            int id = id(parser, place, token);
            if (ids.put(token, id) != null) {
                throw duplicate(parser, token);
            }
            if (taken.get(id)) {
                throw place.unread(token).error("id " + id + " is already taken by another token");
            }
            taken.set(id);
        }
        return ids;
    }

    private static int id(JsonParser parser, JsonCursor place, String token) {
        if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT
                && parser.getNumberType() == JsonParser.NumberType.INT) {
            int id = parser.getIntValue();
            if (JsonCursor.isId(id)) {
                return id;
            }
        }
        return place.reading(token, parser).id();
    }

    private static List<Merge> merges(JsonParser parser, JsonCursor place) {
        var merges = new ArrayList<Merge>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            merges.add(merge(parser, place, merges.size()));
        }
        return merges;
    }

    private static Merge merge(JsonParser parser, JsonCursor place, int rank) {
        return switch (parser.currentToken()) {
            case VALUE_STRING -> {
                String line = parser.getString();
                yield parseMerge(line)
                        .orElseThrow(() -> place.unread(rank)
                                .error("expected two tokens with one space between, found '" + line + "'"));
            }
            case START_ARRAY -> pair(parser, place, rank);
            default -> throw place.reading(Integer.toString(rank), parser).expected("\"left right\" or an array");
        };
    }

    private static Merge pair(JsonParser parser, JsonCursor place, int rank) {
        var tokens = new ArrayList<String>(2);
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            tokens.add(
                    parser.currentToken() == JsonToken.VALUE_STRING
                            ? parser.getString()
                            : place.unread(rank)
                                    .reading(Integer.toString(tokens.size()), parser)
                                    .string());
        }
        if (tokens.size() != 2) {
            throw place.unread(rank).error("expected two tokens, found " + tokens.size());
        }
        return new Merge(tokens.getFirst(), tokens.getLast());
    }

    /** Splits {@code "left right"}; byte-level tokens contain no space themselves. */
    static Optional<Merge> parseMerge(String line) {
        int space = line.indexOf(' ');
        boolean two = space > 0 && space == line.lastIndexOf(' ') && space < line.length() - 1;
        return two ? Optional.of(new Merge(line.substring(0, space), line.substring(space + 1))) : Optional.empty();
    }
}
