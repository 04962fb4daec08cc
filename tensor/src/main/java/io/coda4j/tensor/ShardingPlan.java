package io.coda4j.tensor;

import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Where tensors go on a mesh, decided by their paths: a mesh and a table of rules.
 *
 * <pre>{@code
 * var plan = new ShardingPlan(Mesh.of("fsdp", 64), List.of(
 *         Rule.of("**.qProj.weight", "fsdp", ""),       // rows of the matrix on different devices
 *         Rule.of("batch.*", "fsdp", "")));             // rows of the batch as well
 * var text = StableHlo.print(traced.program(), plan.placement(traced));
 * }</pre>
 *
 * <p>The first rule whose pattern matches a path decides; what no rule matches is whole on every device. So special
 * rules go before general ones, and {@link #with} puts a user's rules before all others.
 *
 * @param rules in order of precedence
 * @param wholeIfUneven whether a value that its rule does not cut into equal parts is whole on every device, which is an
 *     error otherwise
 */
public record ShardingPlan(Mesh mesh, List<Rule> rules, boolean wholeIfUneven) {
    /**
     * What to do with the tensors at certain paths.
     *
     * @param axes the split of the tensor's <em>last</em> axes, see {@link Mesh}; axes before those are not split, so that
     *     one rule serves the matrix of a layer and a stack of the matrices of all layers
     */
    public record Rule(PathPattern pattern, List<String> axes) {
        /** A rule with an immutable copy of the names. */
        public Rule {
            axes = List.copyOf(axes);
        }

        /** A rule for the paths that match {@code pattern}; see {@link PathPattern}. */
        public static Rule of(String pattern, String... axes) {
            return new Rule(PathPattern.of(pattern), Arrays.asList(axes));
        }

        /** This rule for the tensors whose path continues with {@code name}, with axes of their own. */
        public Rule child(String name, List<String> childAxes) {
            return new Rule(PathPattern.of(pattern + "." + name), childAxes);
        }
    }

    /**
     * A checked plan.
     *
     * @throws ShardingException if a rule names an axis that the mesh does not have
     */
    public ShardingPlan {
        rules = List.copyOf(rules);
        for (var rule : rules) {
            rule.axes().stream()
                    .flatMap(cut -> Mesh.named(cut).stream())
                    .filter(axis -> !mesh.axes().containsKey(axis))
                    .forEach(axis -> {
                        throw new ShardingException(
                                rule,
                                "sharding: rule '" + rule.pattern() + "' names mesh axis '" + axis + "'; the mesh is "
                                        + mesh);
                    });
        }
    }

    /** A plan in which every rule must cut into equal parts. */
    public ShardingPlan(Mesh mesh, List<Rule> rules) {
        this(mesh, rules, false);
    }

    /** This plan, with what it would not cut into equal parts whole on every device. */
    public ShardingPlan wholeWhereUneven() {
        return new ShardingPlan(mesh, rules, true);
    }

    /** This plan with rules that come before its own. */
    public ShardingPlan with(List<Rule> first) {
        var all = new ArrayList<>(first);
        all.addAll(rules);
        return new ShardingPlan(mesh, all, wholeIfUneven);
    }

    /**
     * How a tensor of {@code type} at {@code path} is split; see {@link Mesh}.
     *
     * @throws ShardingException if the rule for the path names more axes than the tensor has, or its parts would not be of
     *     equal size
     */
    public List<String> axes(String path, TensorType type) {
        for (var rule : rules) {
            if (rule.pattern().matches(path)) {
                var axes = last(rule, path, type);
                if (wholeIfUneven && mesh.unevenBecause(type, axes).isPresent()) {
                    return Placement.whole(type);
                }
                check(rule, path, type, axes);
                return axes;
            }
        }
        return Placement.whole(type);
    }

    private void check(Rule rule, String path, TensorType type, List<String> axes) {
        try {
            Placement.check(mesh, "'" + path + "'", type, axes);
        } catch (IllegalArgumentException e) {
            throw new ShardingException(rule, String.valueOf(e.getMessage()));
        }
    }

    private static List<String> last(Rule rule, String path, TensorType type) {
        int before = type.rank() - rule.axes().size();
        if (before < 0) {
            throw new ShardingException(
                    rule,
                    "sharding: rule '" + rule.pattern() + "' splits " + rule.axes() + ", more axes than '" + path + "' "
                            + type + " has; add a rule for that path before it");
        }
        var axes = new ArrayList<>(java.util.Collections.nCopies(before, ""));
        axes.addAll(rule.axes());
        return List.copyOf(axes);
    }

    /** How the arguments and results of a traced function lie on the mesh, by their paths in its trees. */
    public Placement placement(Traced<?> traced) {
        var program = traced.program();
        return new Placement(
                mesh, axes(traced.arguments(), program.params()), axes(traced.results(), program.results()));
    }

    /** The arrays of {@code tree} on {@code device}, split by their paths; those that are on it already stay as they are. */
    public <T> T place(T tree, Device device) {
        return Tree.map(tree, (path, leaf) -> ((Array) leaf).to(device, axes(path, leaf.type())));
    }

    private List<List<String>> axes(List<String> paths, List<? extends Tensor> values) {
        var axes = new ArrayList<List<String>>();
        for (int i = 0; i < paths.size(); i++) {
            axes.add(axes(paths.get(i), values.get(i).type()));
        }
        return axes;
    }
}
