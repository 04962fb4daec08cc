package io.coda4j.tensor.exec;

import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Finds the elementwise equations of a program that can run as one kernel.
 *
 * <p>Equations over equally many elements that feed each other become a cluster, which runs where its last equation
 * stands. A cluster is sealed as soon as anything else reads one of its values: all readers then come after it, and all
 * it reads comes before. Reshapes are looked through, constants and broadcasts of one element are made inside.
 */
final class Chains {
    /** Longer chains would run out of registers and kernel parameters. */
    private static final int MOST_LINKS = 24;

    /** OpenCL promises 1024 bytes of parameters, and a buffer takes 16. */
    private static final int MOST_BUFFERS = 40;

    private static final class Cluster {
        final List<Integer> members = new ArrayList<>();
        final long elements;
        boolean isSealed;

        Cluster(long elements) {
            this.elements = elements;
        }

        int position() {
            return Collections.max(members);
        }
    }

    /** A group and where it runs: after everything of a lower position. */
    private record Placed(int position, int order, Group group) {}

    private final Program program;
    private final Predicate<Equation> fuses;
    private final Map<Tensor, Tensor> roots = new IdentityHashMap<>();
    private final Map<Tensor, Integer> producers = new IdentityHashMap<>();
    private final Map<Tensor, List<Integer>> readers = new IdentityHashMap<>();
    private final Set<Tensor> results = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Map<Integer, Cluster> clusters = new HashMap<>();

    private Chains(Program program, Predicate<Equation> fuses) {
        this.program = program;
        this.fuses = fuses;
    }

    /**
     * The groups of {@code program}, in an order in which they can run.
     *
     * @param fuses whether an elementwise equation may share a kernel with others
     */
    static List<Group> of(Program program, Predicate<Equation> fuses) {
        var chains = new Chains(program, fuses);
        for (int i = 0; i < program.body().size(); i++) {
            chains.visit(i);
        }
        return chains.groups();
    }

    private Tensor root(Tensor tensor) {
        return roots.getOrDefault(tensor, tensor);
    }

    private void visit(int i) {
        var equation = program.body().get(i);
        if (equation.prim() instanceof Primitive.Reshape) {
            roots.put(equation.out().getFirst(), root(equation.in().getFirst()));
            return;
        }
        equation.out().forEach(symbol -> producers.put(symbol, i));
        equation.in()
                .forEach(tensor -> readers.computeIfAbsent(root(tensor), _ -> new ArrayList<>())
                        .add(i));
        long elements = equation.out().getFirst().type().size();
        if (equation.prim() instanceof Primitive.Pointwise && fuses.test(equation)) {
            join(i, equation, elements);
        } else {
            equation.in().forEach(tensor -> seal(cluster(tensor)));
        }
    }

    private @Nullable Cluster cluster(Tensor tensor) {
        var producer = producers.get(root(tensor));
        return producer == null ? null : clusters.get(producer);
    }

    private static void seal(@Nullable Cluster cluster) {
        if (cluster != null) {
            cluster.isSealed = true;
        }
    }

    /** Puts equation {@code i} into a cluster with the open clusters that it reads, as far as they fit. */
    private void join(int i, Equation equation, long elements) {
        var joined = new Cluster(elements);
        joined.members.add(i);
        for (var tensor : equation.in()) {
            var other = cluster(tensor);
            if (other == null || other == joined) {
                continue;
            }
            boolean fits = !other.isSealed
                    && other.elements == elements
                    && other.members.size() + joined.members.size() <= MOST_LINKS;
            if (fits) {
                other.members.forEach(member -> clusters.put(member, joined));
                joined.members.addAll(other.members);
            } else {
                seal(other);
            }
        }
        clusters.put(i, joined);
    }

    private List<Group> groups() {
        program.results().forEach(result -> results.add(root(result)));
        var placed = new ArrayList<Placed>();
        for (int i = 0; i < program.body().size(); i++) {
            place(i, placed);
        }
        placed.sort(Comparator.comparingInt(Placed::position).thenComparingInt(Placed::order));
        return withoutUnread(placed.stream().map(Placed::group).toList());
    }

    private void place(int i, List<Placed> placed) {
        var equation = program.body().get(i);
        var cluster = clusters.get(i);
        if (cluster != null && cluster.position() != i) {
            return;
        }
        var chain = cluster == null ? Optional.<Group>empty() : chain(cluster);
        if (chain.isPresent()) {
            placed.add(new Placed(i, 0, chain.get()));
        } else if (cluster != null) {
            // One after the other at the same place.
            for (int member : cluster.members.stream().sorted().toList()) {
                placed.add(new Placed(i, 0, Group.of(program.body().get(member))));
            }
        } else {
            // A new shape of a chain's value comes after the chain.
            var source = equation.prim() instanceof Primitive.Reshape
                    ? cluster(equation.in().getFirst())
                    : null;
            int made = source == null ? i : source.position();
            placed.add(new Placed(Math.max(made, i), made > i ? 1 : 0, Group.of(equation)));
        }
    }

    /** The cluster as one kernel, or empty if that would be nothing but its single equation, or too much. */
    private Optional<Group> chain(Cluster cluster) {
        var members = cluster.members.stream().sorted().map(program.body()::get).toList();
        var builder = new Builder(members);
        if (members.size() == 1 && builder.madeInside == 0) {
            return Optional.empty();
        }
        var out = members.stream()
                .flatMap(equation -> equation.out().stream())
                .filter(symbol -> isReadOutside(symbol, cluster))
                .toList();
        return builder.operands.size() + out.size() > MOST_BUFFERS ? Optional.empty() : Optional.of(builder.group(out));
    }

    private boolean isReadOutside(Symbol symbol, Cluster cluster) {
        return results.contains(symbol)
                || readers.getOrDefault(symbol, List.of()).stream().anyMatch(i -> clusters.get(i) != cluster);
    }

    /** Numbers the values of a chain. */
    private final class Builder {
        private final List<Equation> members;
        private final List<Tensor> in = new ArrayList<>();
        private final List<Chain.Operand> operands = new ArrayList<>();
        private final Map<Tensor, Integer> whole = new IdentityHashMap<>();
        private final Map<Tensor, Integer> repeated = new IdentityHashMap<>();
        private final Map<Tensor, Primitive.Full> constants = new IdentityHashMap<>();
        private final Set<Tensor> inside = Collections.newSetFromMap(new IdentityHashMap<>());
        private int madeInside;

        Builder(List<Equation> members) {
            this.members = members;
            members.forEach(equation -> inside.addAll(equation.out()));
            members.forEach(equation -> equation.in().forEach(this::read));
        }

        private void read(Tensor tensor) {
            var root = root(tensor);
            if (inside.contains(root) || constants.containsKey(root) || repeated.containsKey(root)) {
                return;
            }
            var producer = producers.get(root);
            var source = producer == null ? null : program.body().get(producer);
            if (source != null && constant(source) instanceof Primitive.Full full) {
                constants.put(root, full);
                madeInside++;
            } else if (source != null && isBroadcastOfOne(source)) {
                repeated.put(root, operand(source.in().getFirst(), true));
                madeInside++;
            } else if (!whole.containsKey(root)) {
                whole.put(root, operand(tensor, false));
            }
        }

        private int operand(Tensor tensor, boolean isRepeated) {
            in.add(tensor);
            operands.add(new Chain.Operand(tensor.type().dtype(), isRepeated));
            return operands.size() - 1;
        }

        private @Nullable Primitive constant(Equation source) {
            if (source.prim() instanceof Primitive.Broadcast) {
                var producer = producers.get(root(source.in().getFirst()));
                return producer == null ? null : constant(program.body().get(producer));
            }
            return source.prim() instanceof Primitive.Full ? source.prim() : null;
        }

        private static boolean isBroadcastOfOne(Equation source) {
            return source.prim() instanceof Primitive.Broadcast
                    && source.in().getFirst().type().size() == 1;
        }

        Group group(List<Symbol> out) {
            var numbers = new IdentityHashMap<Tensor, Integer>(whole);
            numbers.putAll(repeated);
            var links = new ArrayList<Chain.Link>();
            for (var equation : members) {
                for (var tensor : equation.in()) {
                    var full = constants.get(root(tensor));
                    if (full != null && !numbers.containsKey(root(tensor))) {
                        numbers.put(root(tensor), operands.size() + links.size());
                        links.add(new Chain.Link(full, List.of(), full.type().dtype()));
                    }
                }
                var from = equation.in().stream()
                        .map(tensor -> numbers.get(root(tensor)))
                        .toList();
                var symbol = equation.out().getFirst();
                numbers.put(symbol, operands.size() + links.size());
                links.add(new Chain.Link(
                        (Primitive.Pointwise) equation.prim(),
                        from,
                        symbol.type().dtype()));
            }
            var results = out.stream().map(numbers::get).toList();
            return new Group(members, in, out, Optional.of(new Chain(operands, links, results)));
        }
    }

    /** Drops constants and broadcasts that only chains read, which make them for themselves. */
    private List<Group> withoutUnread(List<Group> groups) {
        Set<Tensor> read = Collections.newSetFromMap(new IdentityHashMap<>());
        read.addAll(program.results());
        var kept = new ArrayList<Group>();
        for (var group : groups.reversed()) {
            if (group.out().stream().anyMatch(read::contains)) {
                read.addAll(group.in());
                kept.add(group);
            }
        }
        return kept.reversed();
    }
}
