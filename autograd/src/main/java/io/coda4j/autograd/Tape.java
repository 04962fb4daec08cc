package io.coda4j.autograd;

import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Forwards every primitive to the interpreter that was current, remembering those that touch a differentiated tensor.
 *
 * <p>The rules of {@link Vjp} are ordinary tensor code, so the same tape yields gradients eagerly, or as more equations
 * of the program being traced.
 */
final class Tape implements Interpreter {
    /** Cotangents of an entry's operands from those of its results; null where nothing flows. */
    @FunctionalInterface
    interface Pullback {
        List<@Nullable Tensor> apply(List<@Nullable Tensor> cotangents);
    }

    private record Entry(List<Tensor> in, List<Tensor> out, Pullback pullback) {}

    private final Interpreter parent = Interpreter.current();
    private final Set<Tensor> active = Collections.newSetFromMap(new IdentityHashMap<>());
    private final List<Entry> entries = new ArrayList<>();

    /** A tape under the current interpreter, following {@code wrt} and what is computed from them. */
    Tape(List<Tensor> wrt) {
        wrt.stream().filter(tensor -> tensor.dtype().isFloat()).forEach(active::add);
    }

    /** The interpreter to which this tape forwards. */
    Interpreter parent() {
        return parent;
    }

    /** Whether {@code tensor} depends on a differentiated tensor. */
    boolean follows(Tensor tensor) {
        return active.contains(tensor);
    }

    @Override
    public List<Tensor> apply(Primitive prim, List<Tensor> in) {
        if (prim instanceof Primitive.Scan scan && in.stream().anyMatch(active::contains)) {
            return ScanGradient.record(scan, in, this);
        }
        // The parent must be current as well: what it decomposes would otherwise be recorded a second time.
        var out = parent.run(() -> parent.apply(prim, in));
        record(in, out, cotangents -> Vjp.rule(prim, in, out, cotangents));
        return out;
    }

    /** Remembers that {@code out} was computed from {@code in}, if a followed tensor is among them. */
    void record(List<Tensor> in, List<Tensor> out, Pullback pullback) {
        if (in.stream().anyMatch(active::contains)) {
            out.stream().filter(tensor -> tensor.dtype().isFloat()).forEach(active::add);
            entries.add(new Entry(in, out, pullback));
        }
    }

    /**
     * The cotangents of {@code wrt} from the cotangents {@code seeds} of {@code outs}, computed under the parent
     * interpreter; zeros where nothing flows. The tape is used up.
     */
    List<Tensor> gradient(List<Tensor> outs, List<? extends @Nullable Tensor> seeds, List<Tensor> wrt) {
        return parent.run(() -> {
            var cotangents = new IdentityHashMap<Tensor, Tensor>();
            for (int i = 0; i < outs.size(); i++) {
                accumulate(cotangents, outs.get(i), seeds.get(i));
            }
            while (!entries.isEmpty()) {
                // Dropping an entry once it is used lets its operands go.
                propagate(entries.removeLast(), cotangents, wrt);
            }
            return wrt.stream()
                    .map(tensor -> cotangents.containsKey(tensor) ? cotangents.get(tensor) : tensor.like(0))
                    .toList();
        });
    }

    private void propagate(Entry entry, Map<Tensor, Tensor> cotangents, List<Tensor> wrt) {
        if (entry.out.stream().noneMatch(cotangents::containsKey)) {
            return;
        }
        var arriving = new ArrayList<@Nullable Tensor>();
        for (var out : entry.out) {
            // A result that is itself differentiated keeps its cotangent.
            boolean isWanted = wrt.stream().anyMatch(tensor -> tensor == out);
            arriving.add(isWanted ? cotangents.get(out) : cotangents.remove(out));
        }
        var leaving = entry.pullback.apply(Collections.unmodifiableList(arriving));
        for (int i = 0; i < entry.in.size(); i++) {
            accumulate(cotangents, entry.in.get(i), leaving.get(i));
        }
    }

    private void accumulate(Map<Tensor, Tensor> cotangents, Tensor tensor, @Nullable Tensor cotangent) {
        if (cotangent != null && active.contains(tensor)) {
            cotangents.merge(tensor, cotangent, Tensor::add);
        }
    }
}
