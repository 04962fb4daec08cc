package io.coda4j.coder.train;

import io.coda4j.coder.files.TextFile;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.MapperFeature;
import tools.jackson.databind.exc.InvalidFormatException;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/**
 * Recipes as YAML. A file states what differs from the defaults, which are the demo's; unknown keys and settings that others
 * leave without effect are errors, so that no setting is ignored.
 */
public final class RecipeFile {
    private static final YAMLMapper MAPPER = YAMLMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
            .build();

    /** The recipe of the demo, which states every setting; the build takes it from the folder of recipes. */
    private static final String DEFAULTS = "demo.yaml";

    private static final Pattern PLACE = Pattern.compile("in reader, line (\\d+)");

    private RecipeFile() {}

    /** The recipe of the demo. */
    public static Recipe defaults() {
        return bind("the built-in defaults", defaultTree());
    }

    /**
     * The recipe in {@code file}.
     *
     * @throws RecipeException if the file does not state a recipe
     */
    public static Recipe read(Path file) {
        return parse(file.toString(), TextFile.read(file));
    }

    /** The recipe in {@code yaml}, called {@code name} in errors. */
    static Recipe parse(String name, String yaml) {
        var merged = defaultTree();
        var stated = tree(name, yaml);
        RecipeTypes.check(name, stated, merged);
        if (stated.has("run")) {
            // Stating one measure of length cancels the default in the other.
            merged.withObject("run").put("steps", 0).put("minutes", 0);
        }
        merge(merged, stated);
        var recipe = bind(name, merged);
        IdleSettings.problem(recipe).ifPresent(problem -> {
            throw new RecipeException(name + ": " + problem);
        });
        return recipe;
    }

    private static ObjectNode defaultTree() {
        // Closed by the mapper.
        var in = RecipeFile.class.getResourceAsStream(DEFAULTS);
        return (ObjectNode) MAPPER.readTree(Objects.requireNonNull(in, DEFAULTS));
    }

    private static ObjectNode tree(String name, String yaml) {
        try {
            var root = MAPPER.readTree(yaml);
            if (root instanceof ObjectNode object) {
                return object;
            }
            var found = root.isMissingNode() || root.isNull() ? "the file is empty" : "found " + root.getNodeType();
            throw new RecipeException(name + ": expected settings such as 'run: {steps: 100}', " + found);
        } catch (JacksonException e) {
            throw new RecipeException(name + ": is not valid YAML, line " + line(e) + ": " + reason(e), e);
        }
    }

    private static void merge(ObjectNode target, ObjectNode source) {
        for (Map.Entry<String, JsonNode> entry : source.properties()) {
            if (entry.getValue() instanceof ObjectNode inner
                    && target.get(entry.getKey()) instanceof ObjectNode existing) {
                merge(existing, inner);
            } else {
                target.set(entry.getKey(), entry.getValue());
            }
        }
    }

    private static Recipe bind(String name, ObjectNode tree) {
        try {
            return MAPPER.treeToValue(tree, Recipe.class);
        } catch (JacksonException e) {
            if (e.getCause() instanceof RecipeException cause) {
                throw new RecipeException(name + ": " + cause.getMessage(), cause);
            }
            throw new RecipeException(name + ": '" + path(e) + "': " + problem(e), e);
        }
    }

    private static String problem(JacksonException e) {
        return e instanceof InvalidFormatException invalid
                        && invalid.getTargetType().isEnum()
                ? "expected one of " + names(invalid.getTargetType()) + ", got \"" + invalid.getValue() + "\""
                : reason(e);
    }

    static String names(Class<?> choices) {
        return Arrays.stream(choices.getEnumConstants())
                .map(choice -> choice.toString().toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(", "));
    }

    private static String path(JacksonException e) {
        return e.getPath().stream()
                .map(reference -> reference.getPropertyName() == null
                        ? Integer.toString(reference.getIndex())
                        : reference.getPropertyName())
                .reduce((a, b) -> a + "." + b)
                .orElse("");
    }

    /** Where the parser stopped; its message names the place more exactly than its location does. */
    private static String line(JacksonException e) {
        var places = PLACE.matcher(e.getOriginalMessage()).results().toList();
        return places.isEmpty()
                ? String.valueOf(e.getLocation().getLineNr())
                : places.getLast().group(1);
    }

    /** What the parser complains of, without the places, which {@link #line} states. */
    private static String reason(JacksonException e) {
        return e.getOriginalMessage()
                .lines()
                .takeWhile(line -> !line.startsWith(" in reader"))
                .collect(Collectors.joining("; "));
    }

    /** All settings by dotted name, as text. */
    public static SequencedMap<String, String> flat(Recipe recipe) {
        var settings = new LinkedHashMap<String, String>();
        flatten("", MAPPER.valueToTree(recipe), settings);
        return settings;
    }

    private static void flatten(String path, JsonNode node, SequencedMap<String, String> settings) {
        if (node instanceof ObjectNode object) {
            object.properties()
                    .forEach(entry -> flatten(
                            path.isEmpty() ? entry.getKey() : path + "." + entry.getKey(), entry.getValue(), settings));
        } else {
            settings.put(path, node.isString() ? node.stringValue() : node.toString());
        }
    }

    /** The recipe as YAML. */
    public static String write(Recipe recipe) {
        return MAPPER.writeValueAsString(recipe);
    }
}
