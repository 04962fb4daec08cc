package io.coda4j.nn;

import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * Tensors of all layers stacked along a new first axis, and taken apart again, by name.
 *
 * <p>The tensors {@code model.layers.0.X} to {@code model.layers.27.X} become one stack, which has the name of the first:
 * that is the {@link io.coda4j.tensor.Tree} path of the one block in a stacked {@link Transformer}. What an optimiser keeps
 * of them is named after them, and is stacked with them. Checkpoints hold layers one by one.
 */
public final class LayerStacks {
    private static final Pattern LAYER = Pattern.compile("(.*\\.)?layers\\.(\\d+)\\.(.*)");

    private LayerStacks() {}

    /** Whether a tensor of that name is a stack, where layers are stacked. */
    public static boolean isLayered(String name) {
        return LAYER.matcher(name).matches();
    }

    /** The tensors of one name without its layer, for all layers. */
    private record Family(String before, String after) {
        String name(int layer) {
            return before + "layers." + layer + "." + after;
        }
    }

    /** Tensors by name, with those of layers stacked. */
    public static SequencedMap<String, Tensor> stacked(SequencedMap<String, Tensor> tensors) {
        var families = new LinkedHashMap<Family, TreeMap<Integer, Tensor>>();
        var all = new LinkedHashMap<String, Tensor>();
        tensors.forEach((name, tensor) -> {
            var layer = LAYER.matcher(name);
            if (layer.matches()) {
                var family = new Family(layer.group(1) == null ? "" : layer.group(1), layer.group(3));
                var members = families.computeIfAbsent(family, _ -> new TreeMap<>());
                members.put(Integer.parseInt(layer.group(2)), tensor);
                // Holds the place.
                all.putIfAbsent(family.name(0), tensor);
            } else {
                all.put(name, tensor);
            }
        });
        families.forEach((family, layers) -> all.put(family.name(0), stack(List.copyOf(layers.values()))));
        return all;
    }

    /** Tensors by name, with stacks taken apart. */
    public static SequencedMap<String, Tensor> unstacked(SequencedMap<String, Tensor> tensors) {
        var all = new LinkedHashMap<String, Tensor>();
        tensors.forEach((name, tensor) -> {
            var layer = LAYER.matcher(name);
            if (layer.matches()) {
                var family = new Family(layer.group(1) == null ? "" : layer.group(1), layer.group(3));
                for (int i = 0; i < tensor.dim(0); i++) {
                    all.put(family.name(i), slice(tensor, i));
                }
            } else {
                all.put(name, tensor);
            }
        });
        return all;
    }

    /** Tensors of one type along a new first axis. */
    static Tensor stack(List<Tensor> layers) {
        var dims = new ArrayList<>(layers.getFirst().shape().toList());
        dims.addFirst(1);
        var one = Shape.of(dims);
        return Tensor.concat(0, layers.stream().map(layer -> layer.reshape(one)).toList());
    }

    /** The tensor of one layer. */
    static Tensor slice(Tensor stack, int layer) {
        return stack.slice(0, layer, layer + 1).reshape(stack.shape().without(List.of(0)));
    }
}
