package io.coda4j.tensor;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;

/**
 * A function over trees of tensors as a program, and where its parameters and results belong in the trees.
 *
 * @param program one parameter per tensor of the argument, one result per tensor of the result
 * @param result a tree with the program's results in it, to be {@linkplain Tree#map mapped} onto arrays
 * @param arguments the paths of the parameters in the argument
 * @param <O> result: a tree of tensors
 */
public record Traced<O>(Program program, O result, List<String> arguments) {
    /** A trace with an immutable copy of the paths. */
    public Traced {
        arguments = List.copyOf(arguments);
    }

    /**
     * Traces {@code function}.
     *
     * @param in an argument of the right structure; its tensors may be {@link Symbol}s, because only types are looked at
     */
    public static <I, O> Traced<O> of(String name, Function<I, O> function, I in) {
        var leaves = Tree.leaves(in);
        var results = new ArrayList<O>();
        var program = Trace.of(
                name,
                args -> {
                    results.add(function.apply(Tree.filled(in, args)));
                    return Tree.tensors(results.getFirst());
                },
                leaves.values().stream().map(Tensor::type).toList());
        return new Traced<>(program, results.getFirst(), List.copyOf(leaves.keySet()));
    }

    /** The paths of the program's results in the result. */
    public List<String> results() {
        return List.copyOf(Tree.leaves(result).keySet());
    }

    /** The same with the arguments at these paths donated; see {@link PathPattern}. */
    public Traced<O> donating(String... paths) {
        return new Traced<>(program.donating(matching(PathPattern.all(paths))), result, arguments);
    }

    /**
     * The indices of the parameters whose paths match one of the patterns.
     *
     * @throws IllegalArgumentException if a pattern matches none
     */
    Set<Integer> matching(List<PathPattern> patterns) {
        var indices = new LinkedHashSet<Integer>();
        for (var pattern : patterns) {
            boolean matched = false;
            for (int i = 0; i < arguments.size(); i++) {
                if (pattern.matches(arguments.get(i))) {
                    matched = true;
                    indices.add(i);
                }
            }
            if (!matched) {
                throw new IllegalArgumentException(
                        program.name() + ": no argument matches '" + pattern + "'; arguments are " + arguments);
            }
        }
        return indices;
    }
}
