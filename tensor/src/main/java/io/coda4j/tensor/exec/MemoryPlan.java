package io.coda4j.tensor.exec;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Where each value of a program lives while it runs, decided once when it is compiled.
 *
 * <p>Reshapes and annotations share their operand's storage. Values that depend on nothing but constants and frozen
 * parameters are computed once and persist. A result takes over the storage of a donated parameter when that is free
 * by then. All other values share one slab: each gets the best-fitting gap among the values alive at the same time, or
 * the very storage of an operand that dies where it is defined, if {@link InPlace} allows.
 */
public final class MemoryPlan {
    /** Where a value lives. */
    public sealed interface Place {
        /** The storage of argument {@code index}. */
        record Argument(int index) implements Place {}

        /** Storage made for result {@code index} at each run. */
        record Result(int index) implements Place {}

        /** A range of the slab, shared over time. */
        record Temporary(long offset, long bytes) implements Place {}

        /** A range of the storage that keeps its content between runs. */
        record Persistent(long offset, long bytes) implements Place {}

        /** An array captured by the program. */
        record Constant(Array array) implements Place {}
    }

    private static final int NEVER_DIES = Integer.MAX_VALUE;

    private final Program program;
    private final List<Group> groups;
    private final Map<Tensor, Tensor> roots = new IdentityHashMap<>();
    private final Map<Tensor, Integer> lastUse = new IdentityHashMap<>();
    private final Map<Tensor, Place> places = new IdentityHashMap<>();
    private final Set<Group> closed = Collections.newSetFromMap(new IdentityHashMap<>());
    private final Map<Integer, Integer> donations = new HashMap<>();
    private final List<Integer> copied = new ArrayList<>();
    private long persistentBytes;
    private long temporaryBytes;

    private MemoryPlan(Program program, List<Group> groups, Set<Integer> frozen) {
        this.program = program;
        this.groups = groups;
        groups.stream().filter(Group::isAlias).forEach(this::alias);
        findLastUses();
        findClosed(frozen);
        for (int i = 0; i < program.params().size(); i++) {
            places.put(program.params().get(i), new Place.Argument(i));
        }
        placeResults();
        placePersistent();
        placeTemporaries();
    }

    /** The plan for {@code program}, whose parameters {@code frozen} always receive the same arrays. */
    public static MemoryPlan of(Program program, Set<Integer> frozen) {
        return of(program, Group.singles(program), frozen);
    }

    /** The plan for {@code program} run as {@code groups}. */
    static MemoryPlan of(Program program, List<Group> groups, Set<Integer> frozen) {
        return new MemoryPlan(program, groups, frozen);
    }

    /** Whether an equation only gives another name or shape to its operands. */
    static boolean isAlias(Equation equation) {
        return equation.prim() instanceof Primitive.Reshape || equation.prim() instanceof Primitive.Annotate;
    }

    /** Where {@code tensor} lives. */
    public Place place(Tensor tensor) {
        var root = root(tensor);
        return root instanceof Array array
                ? new Place.Constant(array)
                : Objects.requireNonNull(places.get(root), () -> tensor + " is not of this program");
    }

    /** Whether {@code equation} is computed once, before the first run. */
    public boolean runsOnce(Equation equation) {
        return closed.stream().anyMatch(group -> group.equations().contains(equation));
    }

    /** Whether {@code group} is computed once, before the first run. */
    boolean runsOnce(Group group) {
        return closed.contains(group);
    }

    /** The donated parameter whose storage result {@code index} takes over, or null. */
    public @Nullable Integer donation(int index) {
        return donations.get(index);
    }

    /** Results whose value is computed elsewhere and copied at the end of each run. */
    public List<Integer> copiedResults() {
        return copied;
    }

    /** The size of the slab. */
    public long temporaryBytes() {
        return temporaryBytes;
    }

    /** The size of the storage that persists between runs. */
    public long persistentBytes() {
        return persistentBytes;
    }

    private Tensor root(Tensor tensor) {
        return roots.getOrDefault(tensor, tensor);
    }

    private void alias(Group group) {
        for (int i = 0; i < group.out().size(); i++) {
            roots.put(group.out().get(i), root(group.in().get(i)));
        }
    }

    private void findLastUses() {
        for (int i = 0; i < groups.size(); i++) {
            for (var operand : groups.get(i).in()) {
                lastUse.put(root(operand), i);
            }
        }
        program.results().forEach(result -> lastUse.put(root(result), NEVER_DIES));
    }

    private void findClosed(Set<Integer> frozen) {
        Set<Tensor> known = Collections.newSetFromMap(new IdentityHashMap<>());
        frozen.forEach(i -> known.add(program.params().get(i)));
        for (var group : groups) {
            boolean isClosed = group.in().stream().allMatch(t -> t instanceof Array || known.contains(t))
                    // A result is made anew at each run, so computing it once would only add a copy.
                    && group.out().stream().noneMatch(symbol -> lastUse.getOrDefault(root(symbol), 0) == NEVER_DIES);
            if (isClosed) {
                closed.add(group);
                known.addAll(group.out());
            }
        }
    }

    private void placeResults() {
        Map<Tensor, Integer> definition = new IdentityHashMap<>();
        for (int i = 0; i < groups.size(); i++) {
            for (var symbol : groups.get(i).out()) {
                definition.put(symbol, i);
            }
        }
        for (int k = 0; k < program.results().size(); k++) {
            var root = root(program.results().get(k));
            int param = program.params().indexOf(root);
            if (param >= 0 && program.donated().contains(param) && !donations.containsValue(param)) {
                donations.put(k, param);
            } else if (root instanceof Symbol symbol && param < 0 && !places.containsKey(root)) {
                places.put(root, resultPlace(k, symbol, Objects.requireNonNull(definition.get(root))));
            } else {
                copied.add(k);
            }
        }
    }

    private Place resultPlace(int k, Symbol symbol, int definition) {
        for (int param : program.donated().stream().sorted().toList()) {
            var candidate = program.params().get(param);
            if (candidate.type().equals(program.results().get(k).type())
                    && !donations.containsValue(param)
                    && isFree(candidate, symbol, definition)) {
                donations.put(k, param);
                return new Place.Argument(param);
            }
        }
        return new Place.Result(k);
    }

    /** Whether {@code symbol}, defined by group {@code at}, may be written over {@code old}. */
    private boolean isFree(Tensor old, Symbol symbol, int at) {
        int last = lastUse.getOrDefault(old, -1);
        return last < at || last == at && mayOverwrite(groups.get(at), symbol, old);
    }

    /** Whether all uses of {@code old} in {@code group} allow the result to be written over it. */
    private boolean mayOverwrite(Group group, Symbol symbol, Tensor old) {
        int result = 0;
        while (group.out().get(result) != symbol) {
            result++;
        }
        var candidates = group.overwritable(result);
        for (int i = 0; i < group.in().size(); i++) {
            if (root(group.in().get(i)) == old && !candidates.contains(i)) {
                return false;
            }
        }
        return true;
    }

    private void placePersistent() {
        for (var group : closed()) {
            for (var symbol : group.out()) {
                places.put(
                        symbol,
                        new Place.Persistent(persistentBytes, symbol.type().byteSize()));
                persistentBytes += Slab.align(symbol.type().byteSize());
            }
        }
    }

    private List<Group> closed() {
        return groups.stream()
                .filter(group -> closed.contains(group) && !group.isAlias())
                .toList();
    }

    private void placeTemporaries() {
        var slab = new Slab();
        for (int i = 0; i < groups.size(); i++) {
            var group = groups.get(i);
            if (!group.isAlias() && !closed.contains(group)) {
                placeTemporaries(group, i, slab);
            }
        }
        temporaryBytes = slab.extent();
    }

    private void placeTemporaries(Group group, int at, Slab slab) {
        var dying = dyingTemporaries(group, at);
        for (var symbol : group.out()) {
            if (places.containsKey(symbol)) {
                continue;
            }
            var reused = dying.stream()
                    .filter(old ->
                            old.type().byteSize() == symbol.type().byteSize() && mayOverwrite(group, symbol, old))
                    .findFirst();
            if (reused.isPresent()) {
                dying.remove(reused.get());
                places.put(symbol, places.get(reused.get()));
            } else {
                long bytes = symbol.type().byteSize();
                places.put(symbol, new Place.Temporary(slab.allocate(bytes), bytes));
            }
        }
        dying.forEach(old -> release(slab, old));
        group.out().stream().filter(symbol -> !lastUse.containsKey(symbol)).forEach(old -> release(slab, old));
    }

    private List<Tensor> dyingTemporaries(Group group, int at) {
        Set<Tensor> dying = Collections.newSetFromMap(new IdentityHashMap<>());
        for (var operand : group.in()) {
            var root = root(operand);
            if (lastUse.getOrDefault(root, NEVER_DIES) == at && places.get(root) instanceof Place.Temporary) {
                dying.add(root);
            }
        }
        // In operand order, so that the plan does not depend on hash codes.
        return new ArrayList<>(
                group.in().stream().map(this::root).filter(dying::remove).toList());
    }

    private void release(Slab slab, Tensor tensor) {
        if (places.get(tensor) instanceof Place.Temporary(long offset, long bytes)) {
            slab.release(offset, bytes);
        }
    }
}
