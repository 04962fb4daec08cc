package io.coda4j.coder.parity;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.View;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.spi.Device;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import java.util.TreeSet;

/** Tokens to logits, with what the reference computed on the way. */
record ForwardFamily(FixtureFolder folder, Device device, Precision precision) implements Family {
    private static final Tolerance TOLERANCE = new Tolerance.OfLargest(2e-5, 1);
    private static final String IDS = "input_ids";
    private static final String LOGITS = "logits";

    /** Arguments of the program. */
    public record Input(LanguageModel model, Tensor ids, AttentionMask mask) {}

    @Override
    public String label() {
        return "forward";
    }

    @Override
    public void replay(Recorder recorder) {
        for (var name : folder.folders(label())) {
            recorder.group(name, TOLERANCE, () -> {
                var loaded = ModelFolder.load(folder.model(name), device);
                var bounds = Bf16Bounds.of(loaded.config().transformer());
                recorder.check(name, tolerance(LOGITS, bounds), comparison -> check(name, loaded, bounds, comparison));
            });
        }
    }

    /** F32 gets the same for all tensors, BF16 what the layers before a tensor add up to. */
    private Tolerance tolerance(String tensor, Bf16Bounds bounds) {
        if (precision == Precision.F32) {
            return TOLERANCE;
        }
        var words = tensor.split("\\.");
        return new Tolerance.OfLargest(
                switch (words[0]) {
                    case "embed" -> bounds.afterLayers(0);
                    case "hidden" -> bounds.afterLayers(Integer.parseInt(words[1]));
                    case "layer" -> {
                        int index = Integer.parseInt(words[1]);
                        yield words[2].equals("attention") ? bounds.attention(index) : bounds.afterLayers(index + 1);
                    }
                    case "final_norm" -> bounds.afterLayers(bounds.layers());
                    case LOGITS -> bounds.logits();
                    default -> throw new IllegalStateException("no tensor of a forward pass is called " + tensor);
                },
                0);
    }

    private void check(String name, ModelFolder loaded, Bf16Bounds bounds, Comparison comparison) {
        var attention = folder.attention(name);
        try (var recorded = folder.tensors("forward/" + name + "/expected.safetensors");
                var program = Compiled.of("forward", precision.of(ForwardFamily::forward, device), device)
                        .freezing("model.**")) {
            var shape = recorded.shape(IDS, 2);
            var ids = recorded.tokens(IDS, loaded.config().transformer().vocabulary(), shape);
            var input =
                    new Input(precision.prepared(loaded.model(), device), Operands.ints(device, ids, shape), attention);
            var values = withHiddenStates(
                    program.apply(input), loaded.model().model().layers().size());
            requireKnown(recorded, values);
            values.forEach((tensor, value) -> {
                if (recorded.contains(tensor) || tensor.equals(LOGITS)) {
                    comparison.check(tensor, recorded.values(tensor), Values.of(value), tolerance(tensor, bounds));
                }
            });
        }
    }

    private static SequencedMap<String, Tensor> forward(Input in) {
        var values = new LinkedHashMap<String, Tensor>();
        var hidden = in.model.model().apply(in.ids, View.of(in.ids, in.mask), values::put);
        values.put(LOGITS, in.model.logits(hidden));
        return values;
    }

    /** The same values with the inputs of the layers as {@code hidden.i}; the last is what comes out of the final norm. */
    private static SequencedMap<String, Array> withHiddenStates(SequencedMap<String, Tensor> values, int layers) {
        var all = new LinkedHashMap<String, Array>();
        values.forEach((name, value) -> {
            all.put(name, (Array) value);
            if (name.equals("embed")) {
                all.put("hidden.0", (Array) value);
            } else if (name.equals("final_norm")) {
                all.put("hidden." + layers, (Array) value);
            }
            for (int i = 1; i < layers; i++) {
                if (name.equals("layer." + (i - 1) + ".output")) {
                    all.put("hidden." + i, (Array) value);
                }
            }
        });
        return all;
    }

    private static void requireKnown(RecordedTensors recorded, SequencedMap<String, Array> values) {
        var unknown = new TreeSet<>(recorded.names());
        unknown.removeAll(values.keySet());
        unknown.remove(IDS);
        if (!unknown.isEmpty()) {
            throw new ParityException(recorded.file() + ": nothing is computed under the names " + unknown
                    + "; the model computes " + values.keySet());
        }
    }
}
