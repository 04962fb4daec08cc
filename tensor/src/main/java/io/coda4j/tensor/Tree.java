package io.coda4j.tensor;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedMap;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/**
 * Plain records, lists and string-keyed maps seen as trees of tensors.
 *
 * <p>A leaf's path is made of record component names, list indices and map keys joined by dots, such as
 * {@code model.layers.0.selfAttn.qProj.weight}; a tensor on its own has the empty path. Everything else that a record
 * holds (numbers, enums, strings, null) is static: it stays as it is and is part of the {@linkplain #structure
 * structure}. Records must be public, in a package exported to this module.
 */
public final class Tree {
    private Tree() {}

    /** The tensors of {@code tree} by path, in order of declaration. */
    public static SequencedMap<String, Tensor> leaves(@Nullable Object tree) {
        var leaves = new LinkedHashMap<String, Tensor>();
        walk("", tree, (path, leaf) -> {
            leaves.put(path, leaf);
            return leaf;
        });
        return leaves;
    }

    /** A copy of {@code tree} with each tensor replaced by {@code f(path, tensor)}. */
    @SuppressWarnings("unchecked")
    public static <T> T map(T tree, BiFunction<String, Tensor, Tensor> f) {
        return Objects.requireNonNull((T) walk("", tree, f));
    }

    /** Two trees combined leaf by leaf: {@code f(left, right)} at each path of {@code left}. */
    public static <T> T zip(T left, T right, BiFunction<Tensor, Tensor, Tensor> f) {
        var others = leaves(right);
        return map(left, (path, leaf) -> {
            var other = others.get(path);
            if (other == null) {
                throw new IllegalArgumentException("tree: the right tree has no tensor at '" + path + "'");
            }
            return f.apply(leaf, other);
        });
    }

    /** What is fixed about {@code tree}: classes, static values, and the type of each leaf; equal trees trace alike. */
    public static List<Object> structure(@Nullable Object tree) {
        var parts = new ArrayList<Object>();
        describe(tree, parts);
        return parts;
    }

    /** A part of a structure that no static value equals. */
    private record Mark(String kind, Object detail) {}

    private static void describe(@Nullable Object node, List<Object> parts) {
        switch (node) {
            case null -> parts.add(new Mark("null", ""));
            case Tensor tensor -> parts.add(new Mark("tensor", tensor.type()));
            case Record record -> {
                parts.add(new Mark("record", record.getClass()));
                for (var component : record.getClass().getRecordComponents()) {
                    describe(value(record, component), parts);
                }
            }
            case List<?> list -> {
                parts.add(new Mark("list", list.size()));
                list.forEach(item -> describe(item, parts));
            }
            case Map<?, ?> map -> {
                parts.add(new Mark("map", List.copyOf(map.keySet())));
                map.values().forEach(value -> describe(value, parts));
            }
            default -> parts.add(node);
        }
    }

    private static @Nullable Object walk(String path, @Nullable Object node, BiFunction<String, Tensor, Tensor> f) {
        return switch (node) {
            case null -> null;
            case Tensor tensor -> f.apply(path, tensor);
            case Record record -> record(path, record, f);
            case List<?> list -> {
                var copy = new ArrayList<@Nullable Object>(list.size());
                for (int i = 0; i < list.size(); i++) {
                    copy.add(walk(child(path, Integer.toString(i)), list.get(i), f));
                }
                yield copy;
            }
            case Map<?, ?> map -> {
                var copy = new LinkedHashMap<Object, @Nullable Object>();
                map.forEach((key, value) -> copy.put(key, walk(child(path, key.toString()), value, f)));
                yield copy;
            }
            default -> node;
        };
    }

    private static String child(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private static Object record(String path, Record record, BiFunction<String, Tensor, Tensor> f) {
        var components = record.getClass().getRecordComponents();
        var values = new @Nullable Object[components.length];
        boolean changed = false;
        for (int i = 0; i < components.length; i++) {
            var before = value(record, components[i]);
            values[i] = walk(child(path, components[i].getName()), before, f);
            changed |= values[i] != before;
        }
        return changed ? construct(record.getClass(), components, values) : record;
    }

    private static @Nullable Object value(Record record, RecordComponent component) {
        try {
            return component.getAccessor().invoke(record);
        } catch (IllegalAccessException e) {
            throw unreadable(record.getClass(), e);
        } catch (InvocationTargetException e) {
            throw new IllegalStateException("tree: " + component + " of " + record.getClass() + " failed", e);
        }
    }

    private static Object construct(
            Class<? extends Record> type, RecordComponent[] components, @Nullable Object[] values) {
        try {
            var types = Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
            Constructor<? extends Record> constructor = type.getDeclaredConstructor(types);
            return constructor.newInstance(values);
        } catch (IllegalAccessException e) {
            throw unreadable(type, e);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException failure) {
                throw failure;
            }
            throw new IllegalStateException("tree: constructing " + type + " failed", e);
        } catch (NoSuchMethodException | InstantiationException e) {
            throw new IllegalStateException("tree: " + type + " has no canonical constructor", e);
        }
    }

    private static IllegalArgumentException unreadable(Class<?> type, IllegalAccessException cause) {
        return new IllegalArgumentException(
                "tree: " + type.getName() + " must be a public record in a package exported to io.coda4j.tensor",
                cause);
    }
}
