package io.coda4j.coder.verify;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.View;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;

/** Asks a model whether an early position notices a change of a later token. */
final class DirectionProbe {
    private static final int LENGTH = 16;
    private static final int STRIDE = 7919;

    /** Arguments of the program. */
    public record Input(LanguageModel model, Tensor ids, AttentionMask mask) {}

    private DirectionProbe() {}

    /** The greatest change of a logit at the first position when the last token of a short text is another one. */
    static double change(CodaConfig config, LanguageModel model, Device device) {
        try (var program =
                Compiled.of("direction", DirectionProbe::firstLogits, device).freezing("model.**")) {
            var before = logits(program, config, model, device, 0);
            var after = logits(program, config, model, device, 1);
            double change = 0;
            for (int v = 0; v < before.length; v++) {
                double difference = Math.abs((double) before[v] - after[v]);
                // NaN must not pass for no change.
                change = Double.isNaN(difference) ? Double.NaN : Math.max(change, difference);
            }
            return change;
        }
    }

    private static Tensor firstLogits(Input in) {
        var states = in.model.model().apply(in.ids, View.of(in.ids, in.mask));
        return in.model.logits(states.slice(1, 0, 1));
    }

    private static float[] logits(
            Compiled<Input, Tensor> program, CodaConfig config, LanguageModel model, Device device, int shift) {
        int vocabulary = config.transformer().vocabulary();
        var type = TensorType.of(DType.I32, 1, LENGTH);
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(type.byteSize(), 64);
            for (int i = 0; i < LENGTH; i++) {
                int token = (int) ((long) (i + 1) * STRIDE % vocabulary);
                boolean isLast = i == LENGTH - 1;
                host.setAtIndex(ValueLayout.JAVA_INT, i, isLast ? (token + shift) % vocabulary : token);
            }
            try (var ids = Array.copyOf(type, host, device);
                    var result = (Array) program.apply(new Input(model, ids, config.attention()))) {
                return result.toFloats();
            }
        }
    }
}
