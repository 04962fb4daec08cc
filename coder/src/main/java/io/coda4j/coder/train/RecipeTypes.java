package io.coda4j.coder.train;

import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Compares what a recipe file states with the components of {@link Recipe} before anything is made of it, so that every
 * complaint names the setting by its dotted path; a mapper alone would turn 2.5 into 2 and 1 into true.
 */
final class RecipeTypes {
    private RecipeTypes() {}

    /**
     * Checks names and types.
     *
     * @param file for messages
     * @param stated what the file states
     * @param defaults all settings; one whose default is null may be null
     * @throws RecipeException naming the first setting that is unknown or of another type
     */
    static void check(String file, ObjectNode stated, ObjectNode defaults) {
        check(file + ": ", "", Recipe.class, stated, defaults);
    }

    private static void check(String file, String path, Class<?> section, ObjectNode stated, ObjectNode defaults) {
        var known = new LinkedHashMap<String, RecordComponent>();
        Arrays.stream(section.getRecordComponents()).forEach(component -> known.put(component.getName(), component));
        for (Map.Entry<String, JsonNode> entry : stated.properties()) {
            var name = path + entry.getKey();
            var component = known.get(entry.getKey());
            if (component == null) {
                throw new RecipeException(
                        file + "unknown setting '" + name + "'; known here: " + String.join(", ", known.keySet()));
            }
            var value = entry.getValue();
            var standard = defaults.path(entry.getKey());
            if (value.isNull() && standard.isNull()) {
                continue;
            }
            if (!fits(component.getType(), value)) {
                throw new RecipeException(file + "'" + name + "': expected " + expected(component.getType()) + ", got "
                        + (value.isNull() ? "nothing" : value));
            }
            if (value instanceof ObjectNode inner && standard instanceof ObjectNode innerDefaults) {
                check(file, name + ".", component.getType(), inner, innerDefaults);
            }
        }
    }

    private static boolean fits(Class<?> type, JsonNode value) {
        if (type.isRecord()) {
            return value.isObject();
        } else if (type == int.class) {
            return value.isIntegralNumber() && value.canConvertToInt();
        } else if (type == long.class) {
            return value.isIntegralNumber() && value.canConvertToLong();
        } else if (type == double.class) {
            return value.isNumber();
        } else if (type == boolean.class) {
            return value.isBoolean();
        } else if (type == List.class) {
            return value.isArray() && allFit(value);
        }
        return value.isString();
    }

    /** The only lists of a recipe are lists of lists of whole numbers. */
    private static boolean allFit(JsonNode lists) {
        return lists.valueStream()
                .allMatch(list -> list.isArray() && list.valueStream().allMatch(number -> fits(int.class, number)));
    }

    private static String expected(Class<?> type) {
        if (type.isRecord()) {
            return "settings such as {" + type.getRecordComponents()[0].getName() + ": ...}";
        } else if (type == int.class || type == long.class) {
            return "a whole number" + (type == int.class ? " below 2^31" : "");
        } else if (type == double.class) {
            return "a number";
        } else if (type == boolean.class) {
            return "true or false";
        } else if (type == List.class) {
            return "lists of whole numbers such as [[2, 4]]";
        }
        return type.isEnum() ? "one of " + RecipeFile.names(type) : "a text";
    }
}
