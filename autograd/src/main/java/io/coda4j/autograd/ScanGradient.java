package io.coda4j.autograd;

import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The gradient of a loop: another loop, over the steps in the opposite order.
 *
 * <p>The forward loop also stacks what the backward one needs of every step: its carries if the steps are computed again,
 * else each value between that the gradient of a step uses. The backward loop carries the cotangents of the carries and
 * the growing cotangents of the constants, and gives out those of the stacks' slices.
 */
final class ScanGradient {
    private final Primitive.Scan scan;
    private final List<TensorType> params;
    private final List<TensorType> results;
    /** Which results have a cotangent: all that are floating-point. */
    private final List<Integer> seeded;
    /** Which parameters get one. */
    private final List<Integer> wanted;
    /** The step and its gradient: parameters, then a cotangent for each of {@link #seeded}, to the results and gradients. */
    private final Program joint;
    /** Values of the joint program before any cotangent that its gradients use. */
    private final List<Tensor> saved;
    /** The step, giving out {@link #saved} as well. */
    private final Primitive.Scan forward;

    private final Primitive.Scan backward;

    private ScanGradient(Primitive.Scan scan) {
        this.scan = scan;
        params = scan.body().params().stream().map(Symbol::type).toList();
        results = scan.body().results().stream().map(Tensor::type).toList();
        seeded = floats(results);
        wanted = floats(params);
        joint = joint();
        saved = scan.checkpoint() ? carries() : residuals();
        forward = forward();
        backward = backward();
    }

    /** Runs {@code scan} under the parent of {@code tape}, recording this gradient. */
    static List<Tensor> record(Primitive.Scan scan, List<Tensor> in, Tape tape) {
        var gradient = new ScanGradient(scan);
        var all = tape.parent().run(() -> tape.parent().apply(gradient.forward, in));
        var out = List.copyOf(all.subList(0, gradient.results.size()));
        var kept = List.copyOf(all.subList(out.size(), all.size()));
        tape.record(in, out, cotangents -> gradient.apply(in, out, kept, cotangents));
        return out;
    }

    private static List<Integer> floats(List<TensorType> types) {
        var indices = new ArrayList<Integer>();
        for (int i = 0; i < types.size(); i++) {
            if (types.get(i).dtype().isFloat()) {
                indices.add(i);
            }
        }
        return indices;
    }

    private Program joint() {
        var types = new ArrayList<>(params);
        seeded.forEach(k -> types.add(results.get(k)));
        return Trace.of(
                "body_and_gradient",
                in -> {
                    var operands = in.subList(0, params.size());
                    var seeds = new ArrayList<@Nullable Tensor>(Collections.nCopies(results.size(), null));
                    for (int i = 0; i < seeded.size(); i++) {
                        seeds.set(seeded.get(i), in.get(params.size() + i));
                    }
                    var tape = new Tape(operands);
                    var all = new ArrayList<>(tape.run(() -> scan.body().call(operands)));
                    var gradients = tape.gradient(List.copyOf(all), seeds, operands);
                    wanted.forEach(i -> all.add(gradients.get(i)));
                    return all;
                },
                types);
    }

    private List<Symbol> primals() {
        return joint.params().subList(0, params.size());
    }

    private List<Tensor> gradients() {
        return joint.results().subList(results.size(), joint.results().size());
    }

    private List<Tensor> carries() {
        return List.copyOf(primals().subList(0, scan.carries()));
    }

    /** What depends on some of {@code from}, with them. */
    private Set<Tensor> dependents(List<? extends Tensor> from) {
        Set<Tensor> found = Collections.newSetFromMap(new IdentityHashMap<>());
        found.addAll(from);
        for (var equation : joint.body()) {
            if (equation.in().stream().anyMatch(found::contains)) {
                found.addAll(equation.out());
            }
        }
        return found;
    }

    /**
     * What gradients use of each step. Values that are the same in every step are computed again instead, from the
     * constants; the slices of stacks are there anyway.
     */
    private List<Tensor> residuals() {
        var ofCotangents =
                dependents(joint.params().subList(params.size(), joint.params().size()));
        var ofStep = dependents(primals().subList(0, scan.carries()));
        ofStep.addAll(dependents(primals().subList(scan.carries() + scan.constants(), params.size())));
        Set<Tensor> slices = Collections.newSetFromMap(new IdentityHashMap<>());
        slices.addAll(primals().subList(scan.carries(), params.size()));
        var used = new ArrayList<>(gradients());
        joint.body().stream()
                .filter(equation -> equation.out().stream().anyMatch(ofCotangents::contains))
                .map(Equation::in)
                .forEach(used::addAll);
        Set<Tensor> kept = Collections.newSetFromMap(new IdentityHashMap<>());
        var residuals = new ArrayList<Tensor>();
        for (var value : used) {
            if (ofStep.contains(value) && !ofCotangents.contains(value) && !slices.contains(value) && kept.add(value)) {
                residuals.add(value);
            }
        }
        return List.copyOf(residuals);
    }

    private Primitive.Scan forward() {
        var all = new ArrayList<>(joint.results().subList(0, results.size()));
        all.addAll(saved);
        var body = part(scan.body().name(), primals(), all);
        return new Primitive.Scan(
                body, scan.length(), scan.carries(), scan.constants(), scan.reverse(), scan.checkpoint());
    }

    /** Some of the joint program: what {@code outs} depend on, as far as {@code ins} do not give it. */
    private Program part(String name, List<? extends Tensor> ins, List<? extends Tensor> outs) {
        return Trace.of(
                name,
                args -> {
                    var values = new IdentityHashMap<Tensor, Tensor>();
                    for (int i = 0; i < ins.size(); i++) {
                        values.put(ins.get(i), args.get(i));
                    }
                    replay(values, outs);
                    return outs.stream()
                            .map(out -> values.getOrDefault(out, out))
                            .toList();
                },
                ins.stream().map(Tensor::type).toList());
    }

    private void replay(IdentityHashMap<Tensor, Tensor> values, List<? extends Tensor> outs) {
        var needed = needed(values.keySet(), outs);
        for (var equation : joint.body()) {
            if (needed.contains(equation)) {
                var in = equation.in().stream()
                        .map(tensor -> values.getOrDefault(tensor, tensor))
                        .toList();
                var out = Tensor.apply(equation.prim(), in.toArray(Tensor[]::new));
                for (int k = 0; k < out.size(); k++) {
                    values.putIfAbsent(equation.out().get(k), out.get(k));
                }
            }
        }
    }

    private Set<Equation> needed(Set<Tensor> given, List<? extends Tensor> outs) {
        Set<Tensor> wantedValues = Collections.newSetFromMap(new IdentityHashMap<>());
        wantedValues.addAll(outs);
        Set<Equation> equations = Collections.newSetFromMap(new IdentityHashMap<>());
        for (var equation : joint.body().reversed()) {
            if (equation.out().stream().anyMatch(out -> wantedValues.contains(out) && !given.contains(out))) {
                equations.add(equation);
                wantedValues.addAll(equation.in());
            }
        }
        return equations;
    }

    private boolean isSum(int param) {
        return param >= scan.carries() && param < scan.carries() + scan.constants();
    }

    /** Results that are carries; the others are outputs. */
    private List<Integer> seededCarries() {
        return seeded.stream().filter(k -> k < scan.carries()).toList();
    }

    /**
     * One step backwards. Parameters: the cotangents of the carries and the sums of those of the constants; the
     * constants; what was saved, the stacks' slices, and the cotangents of the outputs' slices.
     */
    private Primitive.Scan backward() {
        var sums = wanted.stream().filter(this::isSum).toList();
        var constants = primals().subList(scan.carries(), scan.carries() + scan.constants());
        var slices = primals().subList(scan.carries() + scan.constants(), params.size());
        var seeds = joint.params().subList(params.size(), joint.params().size());
        int carried = seededCarries().size();
        var given = new ArrayList<Tensor>(seeds.subList(0, carried));
        given.addAll(constants);
        given.addAll(saved);
        given.addAll(slices);
        given.addAll(seeds.subList(carried, seeds.size()));
        var types = new ArrayList<>(
                given.subList(0, carried).stream().map(Tensor::type).toList());
        sums.forEach(i -> types.add(params.get(i)));
        given.subList(carried, given.size()).forEach(tensor -> types.add(tensor.type()));
        var step = part("gradient", given, gradients());
        var body = Trace.of(
                "gradient",
                in -> {
                    var args = new ArrayList<>(in.subList(0, carried));
                    args.addAll(in.subList(carried + sums.size(), in.size()));
                    return summed(step.call(args), in.subList(carried, carried + sums.size()));
                },
                types);
        return new Primitive.Scan(
                body, scan.length(), carried + sums.size(), scan.constants(), !scan.reverse(), scan.checkpoint());
    }

    /** The gradients of {@link #wanted}, those of constants added to what they were. */
    private List<Tensor> summed(List<Tensor> gradients, List<Tensor> sums) {
        var all = new ArrayList<Tensor>();
        int next = 0;
        for (int i = 0; i < wanted.size(); i++) {
            all.add(isSum(wanted.get(i)) ? sums.get(next++).add(gradients.get(i)) : gradients.get(i));
        }
        return all;
    }

    private List<@Nullable Tensor> apply(
            List<Tensor> in, List<Tensor> out, List<Tensor> kept, List<@Nullable Tensor> cotangents) {
        var seeds = new ArrayList<Tensor>();
        for (int k : seeded) {
            var cotangent = cotangents.get(k);
            seeds.add(cotangent == null ? out.get(k).like(0) : cotangent);
        }
        int carried = seededCarries().size();
        var operands = new ArrayList<>(seeds.subList(0, carried));
        wanted.stream().filter(this::isSum).forEach(i -> operands.add(in.get(i).like(0)));
        operands.addAll(in.subList(scan.carries(), scan.carries() + scan.constants()));
        operands.addAll(kept);
        operands.addAll(in.subList(scan.carries() + scan.constants(), in.size()));
        operands.addAll(seeds.subList(carried, seeds.size()));
        var gradients = Tensor.apply(backward, operands.toArray(Tensor[]::new));
        var flowing = new ArrayList<@Nullable Tensor>(Collections.nCopies(in.size(), null));
        for (int i = 0; i < wanted.size(); i++) {
            flowing.set(wanted.get(i), gradients.get(i));
        }
        return flowing;
    }
}
