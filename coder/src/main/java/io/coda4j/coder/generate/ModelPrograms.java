package io.coda4j.coder.generate;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.nn.CacheView;
import io.coda4j.nn.KvCache;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Linear;
import io.coda4j.nn.Transformer;
import io.coda4j.nn.View;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.spi.Device;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The compiled programs of a model, one set for each size of a pass; those not used for the longest time are dropped. */
final class ModelPrograms implements AutoCloseable {
    /** Enough for a batch of rows of many lengths: programs for each row, and for the windows of some rows together. */
    private static final int KEPT = 24;

    /** Arguments of a pass over a whole row: ids and segments I32[1,T], the columns I32[N] whose states are wanted. */
    public record WholeInput(Transformer transformer, Tensor ids, Tensor segments, Tensor columns) {}

    /** Arguments of a pass over windows, each of its own row: ids I32[1,T] of all of them; the caches are consumed. */
    public record WindowInput(Transformer transformer, Tensor ids, List<CacheView> views, List<List<KvCache>> caches) {}

    /** The result of a pass over windows: states [T,D], and the caches of each. */
    public record WindowOutput(Tensor states, List<List<KvCache>> caches) {}

    /** Arguments of the head: states [T,D], rows I32[N]. */
    public record HeadInput(Linear head, Tensor states, Tensor rows) {}

    /** The programs of one size. */
    record Programs(
            Compiled<WholeInput, Tensor> whole,
            Compiled<WindowInput, WindowOutput> window,
            Compiled<HeadInput, Tensor> head)
            implements AutoCloseable {
        @Override
        public void close() {
            whole.close();
            window.close();
            head.close();
        }
    }

    /** Columns of a row in a pass, and positions of its caches, 0 without. */
    record Size(int columns, int capacity) {}

    private final CodaConfig config;
    private final Device device;
    private final Precision precision;
    private final Map<List<Size>, Programs> programs = new LinkedHashMap<>(16, 0.75f, true);

    ModelPrograms(CodaConfig config, Device device, Precision precision) {
        this.config = config;
        this.device = device;
        this.precision = precision;
    }

    /** The programs for passes over parts of these sizes of one row or several. */
    Programs of(List<Size> sizes) {
        var known = programs.get(sizes);
        if (known != null) {
            return known;
        }
        if (programs.size() == KEPT) {
            var eldest = programs.entrySet().iterator().next();
            programs.remove(eldest.getKey());
            eldest.getValue().close();
        }
        var created = new Programs(
                Compiled.of("hidden_states", precision.of(this::whole, device), device)
                        .freezing("transformer.**"),
                Compiled.of("window_states", precision.of(ModelPrograms::window, device), device)
                        .freezing("transformer.**")
                        .donating("caches.**"),
                Compiled.of("logits", precision.of(ModelPrograms::logits, device), device)
                        .freezing("head.**"));
        programs.put(List.copyOf(sizes), created);
        return created;
    }

    /** States [N,D]; the last layer computes no more, unless what a column sees depends on its place. */
    private Tensor whole(WholeInput in) {
        var view = View.ofSegments(in.segments, config.attention());
        return switch (config.attention()) {
            case FULL -> in.transformer.apply(in.ids, view, in.columns);
            case CAUSAL -> rows(in.transformer.apply(in.ids, view)).takeRows(in.columns);
        };
    }

    private static WindowOutput window(WindowInput in) {
        var pass = in.transformer.apply(in.ids, in.views, in.caches);
        return new WindowOutput(rows(pass.states()), pass.caches());
    }

    /** [1,T,D] as [T,D]. */
    private static Tensor rows(Tensor states) {
        return states.reshape(states.dim(1), states.dim(2));
    }

    private static Tensor logits(HeadInput in) {
        return LanguageModel.logits(in.head, in.states, in.rows);
    }

    @Override
    public void close() {
        programs.values().forEach(Programs::close);
        programs.clear();
    }
}
