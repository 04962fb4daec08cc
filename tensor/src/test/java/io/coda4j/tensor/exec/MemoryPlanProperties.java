package io.coda4j.tensor.exec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Legalizer;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.exec.MemoryPlan.Place;
import io.coda4j.tensor.testing.RandomProgram;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

/** Executes plans of random programs on paper: which value every byte of storage holds after each equation. */
class MemoryPlanProperties {
    /** Storage that one value occupies. */
    private record Region(Object storage, long offset, long bytes) {
        boolean overlaps(Region other) {
            return storage.equals(other.storage)
                    && offset < other.offset + other.bytes
                    && other.offset < offset + bytes;
        }
    }

    /** What is where, and the rules for writing. */
    private static final class Machine {
        private final MemoryPlan plan;
        private final Map<Tensor, Tensor> roots = new IdentityHashMap<>();
        private final Map<Tensor, Region> alive = new IdentityHashMap<>();

        Machine(Program program, MemoryPlan plan) {
            this.plan = plan;
            program.params().forEach(param -> alive.put(param, region(param)));
        }

        Region region(Tensor tensor) {
            long bytes = tensor.type().byteSize();
            return switch (plan.place(tensor)) {
                case Place.Argument(int index) -> new Region("argument " + index, 0, bytes);
                case Place.Result(int index) -> new Region("result " + index, 0, bytes);
                case Place.Temporary(long offset, long size) -> new Region("slab", offset, size);
                case Place.Persistent(long offset, long size) -> new Region("persistent", offset, size);
                case Place.Constant(var array) -> new Region(array, 0, bytes);
            };
        }

        /** Fails unless the storage of {@code tensor} still holds it. */
        void read(Tensor tensor, String where) {
            if (tensor instanceof Symbol) {
                var root = roots.getOrDefault(tensor, tensor);
                assertTrue(alive.containsKey(root), () -> where + ": an operand " + tensor + " was overwritten");
                assertEquals(alive.get(root), region(tensor), where);
            }
        }

        void run(Group group, Set<Object> writable) {
            var name = group.name();
            group.in().forEach(tensor -> read(tensor, name));
            if (group.isAlias()) {
                for (int i = 0; i < group.out().size(); i++) {
                    var in = group.in().get(i);
                    roots.put(group.out().get(i), roots.getOrDefault(in, in));
                }
                return;
            }
            var written = new ArrayList<Region>();
            for (int k = 0; k < group.out().size(); k++) {
                var region = region(group.out().get(k));
                assertTrue(writable.contains(region.storage), () -> name + " writes " + region);
                assertEquals(0, region.offset % 64, name);
                written.forEach(other -> assertTrue(!region.overlaps(other), name + ": two results in one place"));
                written.add(region);
                checkInPlace(group, k, region);
            }
            alive.values().removeIf(region -> written.stream().anyMatch(region::overlaps));
            group.out().forEach(symbol -> alive.put(symbol, region(symbol)));
        }

        /** An operand may share storage with a result only exactly, and only where the kernels allow it. */
        private void checkInPlace(Group group, int result, Region region) {
            var allowed = group.overwritable(result);
            for (int i = 0; i < group.in().size(); i++) {
                if (group.in().get(i) instanceof Symbol operand
                        && region(operand).overlaps(region)) {
                    assertTrue(allowed.contains(i), group.name() + " overwrites operand " + i);
                    assertEquals(region, region(operand));
                }
            }
        }
    }

    private static Program program(long seed, boolean fusedKernels) {
        return Legalizer.legalise(RandomProgram.of(seed), (_, _) -> fusedKernels);
    }

    @Property(tries = 300)
    void noValueIsOverwrittenBeforeItsLastUse(
            @ForAll @LongRange(min = 0, max = 1_000_000) long seed,
            @ForAll boolean fused,
            @ForAll boolean freeze,
            @ForAll boolean chained) {
        var program = program(seed, fused);
        var groups = Chains.of(program, _ -> chained);
        var frozen = freeze
                ? Set.copyOf(IntStream.of(0, 4)
                        .filter(i -> !program.donated().contains(i))
                        .boxed()
                        .toList())
                : Set.<Integer>of();
        var plan = MemoryPlan.of(program, groups, frozen);
        var machine = new Machine(program, plan);
        var writable = new HashSet<Object>(Set.of("slab"));
        program.donated().forEach(i -> writable.add("argument " + i));
        IntStream.range(0, program.results().size()).forEach(k -> writable.add("result " + k));
        // What runs once runs first; everything else must leave it alone, so that it holds in later runs.
        for (var group : groups) {
            if (plan.runsOnce(group)) {
                machine.run(group, Set.of("persistent"));
            }
        }
        for (var group : groups) {
            if (!plan.runsOnce(group)) {
                machine.run(group, writable);
            }
        }
        checkResults(program, plan, machine);
        checkExtent(groups, plan, machine);
    }

    private static void checkResults(Program program, MemoryPlan plan, Machine machine) {
        var taken = new ArrayList<Integer>();
        for (int k = 0; k < program.results().size(); k++) {
            var result = program.results().get(k);
            machine.read(result, "return");
            var donation = plan.donation(k);
            if (donation != null) {
                assertTrue(program.donated().contains(donation), "result " + k + " takes what was not donated");
                assertTrue(!taken.contains(donation), "two results take one argument");
                taken.add(donation);
            }
            if (!plan.copiedResults().contains(k)) {
                var own = donation == null ? "result " + k : "argument " + donation;
                assertEquals(own, machine.region(result).storage, "result " + k + " is elsewhere and not copied");
            }
        }
    }

    private static void checkExtent(List<Group> groups, MemoryPlan plan, Machine machine) {
        for (var group : groups) {
            for (var symbol : group.out()) {
                var region = machine.region(symbol);
                if (region.storage.equals("slab")) {
                    assertTrue(region.offset + region.bytes <= plan.temporaryBytes());
                } else if (region.storage.equals("persistent")) {
                    assertTrue(region.offset + region.bytes <= plan.persistentBytes());
                }
            }
        }
    }

    @Property(tries = 50)
    void planIsTheSameEveryTime(@ForAll @LongRange(min = 0, max = 1_000_000) long seed) {
        assertEquals(places(program(seed, true)), places(program(seed, true)));
    }

    private static List<String> places(Program program) {
        var plan = MemoryPlan.of(program, Set.of());
        return program.body().stream()
                .flatMap(equation -> equation.out().stream())
                .map(symbol -> plan.place(symbol).toString())
                .toList();
    }

    /** Random allocations and releases, against a list of what is held. */
    @Property(tries = 200)
    void slabRangesNeverOverlapAndGapsAreReused(@ForAll long seed) {
        var random = new Random(seed);
        var slab = new Slab();
        var held = new ArrayList<long[]>();
        for (int i = 0; i < 60; i++) {
            if (!held.isEmpty() && random.nextInt(5) < 2) {
                var range = held.remove(random.nextInt(held.size()));
                slab.release(range[0], range[1]);
            } else {
                long bytes = 1 + random.nextInt(1000);
                long offset = slab.allocate(bytes);
                for (var other : held) {
                    assertTrue(offset + bytes <= other[0] || other[0] + other[1] <= offset, "ranges overlap");
                }
                assertTrue(offset % 64 == 0 && offset + bytes <= slab.extent());
                held.add(new long[] {offset, bytes});
            }
        }
        held.forEach(range -> slab.release(range[0], range[1]));
        long extent = slab.extent();
        assertEquals(0, slab.allocate(Math.max(1, extent)), "all gaps must have merged into one");
        assertEquals(Math.max(64, extent), slab.extent());
    }
}
