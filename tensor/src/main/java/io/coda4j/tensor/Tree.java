package io.coda4j.tensor;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
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

    /** The tensors of {@code tree} in the order of {@link #leaves}, which has their paths as well and takes longer. */
    public static List<Tensor> tensors(@Nullable Object tree) {
        var tensors = new ArrayList<Tensor>();
        collect(tree, tensors);
        return tensors;
    }

    private static void collect(@Nullable Object node, List<Tensor> tensors) {
        switch (node) {
            case null -> {}
            case Tensor tensor -> tensors.add(tensor);
            case Record record -> {
                var form = Form.of(record);
                for (int i = 0; i < form.size(); i++) {
                    collect(form.value(record, i), tensors);
                }
            }
            case List<?> list -> {
                for (int i = 0; i < list.size(); i++) {
                    collect(list.get(i), tensors);
                }
            }
            case Map<?, ?> map -> map.values().forEach(value -> collect(value, tensors));
            default -> {}
        }
    }

    /** A copy of {@code tree} with {@code tensors} in the place of its own, in the order of {@link #leaves}. */
    @SuppressWarnings("unchecked")
    public static <T> T filled(T tree, Iterable<? extends Tensor> tensors) {
        var next = tensors.iterator();
        var filled = Objects.requireNonNull((T) walk(null, tree, (_, _) -> next.next()));
        if (next.hasNext()) {
            throw new IllegalArgumentException("tree: more tensors than the tree has places");
        }
        return filled;
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
        describe(tree, (kind, detail) -> parts.add(kind == Kind.VALUE ? detail : new Mark(kind, detail)));
        return parts;
    }

    /** Whether {@link #structure} of {@code tree} equals {@code structure}; found without making it. */
    static boolean hasStructure(@Nullable Object tree, List<Object> structure) {
        var rest = new Comparison(structure);
        return describe(tree, rest) && rest.at == structure.size();
    }

    /** What a part of a structure says. */
    private enum Kind {
        NULL,
        TENSOR,
        RECORD,
        LIST,
        MAP,
        KEY,
        VALUE
    }

    /** A part of a structure that no static value equals. */
    private record Mark(Kind kind, Object detail) {}

    /** Takes the parts of a structure one by one, and says whether to go on. */
    @FunctionalInterface
    private interface Parts {
        boolean take(Kind kind, Object detail);
    }

    /** Compares parts with those of a structure. */
    private static final class Comparison implements Parts {
        private final List<Object> parts;
        private int at;

        Comparison(List<Object> parts) {
            this.parts = parts;
        }

        @Override
        public boolean take(Kind kind, Object detail) {
            if (at == parts.size()) {
                return false;
            }
            var part = parts.get(at++);
            return kind == Kind.VALUE
                    ? detail.equals(part)
                    : part instanceof Mark mark && mark.kind == kind && mark.detail.equals(detail);
        }
    }

    private static boolean describe(@Nullable Object node, Parts parts) {
        switch (node) {
            case null -> {
                return parts.take(Kind.NULL, "");
            }
            case Tensor tensor -> {
                return parts.take(Kind.TENSOR, tensor.type());
            }
            case Record record -> {
                var form = Form.of(record);
                boolean goesOn = parts.take(Kind.RECORD, record.getClass());
                for (int i = 0; goesOn && i < form.size(); i++) {
                    goesOn = describe(form.value(record, i), parts);
                }
                return goesOn;
            }
            case List<?> list -> {
                boolean goesOn = parts.take(Kind.LIST, list.size());
                for (int i = 0; goesOn && i < list.size(); i++) {
                    goesOn = describe(list.get(i), parts);
                }
                return goesOn;
            }
            case Map<?, ?> map -> {
                boolean goesOn = parts.take(Kind.MAP, map.size());
                for (var entries = map.entrySet().iterator(); goesOn && entries.hasNext(); ) {
                    var entry = entries.next();
                    goesOn = parts.take(Kind.KEY, entry.getKey()) && describe(entry.getValue(), parts);
                }
                return goesOn;
            }
            default -> {
                return parts.take(Kind.VALUE, node);
            }
        }
    }

    /** {@code path} is null where {@code f} does not ask for it. */
    private static @Nullable Object walk(
            @Nullable String path, @Nullable Object node, BiFunction<String, Tensor, Tensor> f) {
        return switch (node) {
            case null -> null;
            case Tensor tensor -> f.apply(path == null ? "" : path, tensor);
            case Record record -> record(path, record, f);
            case List<?> list -> {
                var copy = new ArrayList<@Nullable Object>(list.size());
                for (int i = 0; i < list.size(); i++) {
                    copy.add(walk(path == null ? null : child(path, Integer.toString(i)), list.get(i), f));
                }
                yield copy;
            }
            case Map<?, ?> map -> {
                var copy = new LinkedHashMap<Object, @Nullable Object>();
                map.forEach((key, value) ->
                        copy.put(key, walk(path == null ? null : child(path, key.toString()), value, f)));
                yield copy;
            }
            default -> node;
        };
    }

    private static String child(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private static Object record(@Nullable String path, Record record, BiFunction<String, Tensor, Tensor> f) {
        var form = Form.of(record);
        var values = new @Nullable Object[form.size()];
        boolean changed = false;
        for (int i = 0; i < values.length; i++) {
            var before = form.value(record, i);
            values[i] = walk(path == null ? null : child(path, form.name(i)), before, f);
            changed |= values[i] != before;
        }
        return changed ? form.construct(values) : record;
    }

    /** The components and the constructor of a record class, looked up once. */
    private record Form(Class<?> type, RecordComponent[] components, Method[] accessors) {
        private static final ClassValue<Form> FORMS = new ClassValue<>() {
            @Override
            protected Form computeValue(Class<?> type) {
                var components = type.getRecordComponents();
                return new Form(
                        type,
                        components,
                        Arrays.stream(components)
                                .map(RecordComponent::getAccessor)
                                .toArray(Method[]::new));
            }
        };

        static Form of(Record record) {
            return FORMS.get(record.getClass());
        }

        int size() {
            return accessors.length;
        }

        String name(int component) {
            return components[component].getName();
        }

        @Nullable
        Object value(Record record, int component) {
            try {
                return accessors[component].invoke(record);
            } catch (IllegalAccessException e) {
                throw unreadable(e);
            } catch (InvocationTargetException e) {
                throw new IllegalStateException("tree: " + components[component] + " of " + type + " failed", e);
            }
        }

        Object construct(@Nullable Object[] values) {
            try {
                var types =
                        Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
                return type.getDeclaredConstructor(types).newInstance(values);
            } catch (IllegalAccessException e) {
                throw unreadable(e);
            } catch (InvocationTargetException e) {
                if (e.getCause() instanceof RuntimeException failure) {
                    throw failure;
                }
                throw new IllegalStateException("tree: constructing " + type + " failed", e);
            } catch (NoSuchMethodException | InstantiationException e) {
                throw new IllegalStateException("tree: " + type + " has no canonical constructor", e);
            }
        }

        private IllegalArgumentException unreadable(IllegalAccessException cause) {
            return new IllegalArgumentException(
                    "tree: " + type.getName() + " must be a public record in a package exported to io.coda4j.tensor",
                    cause);
        }
    }
}
