package io.coda4j.coder.parity;

import io.coda4j.nn.Adafactor;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.Optimizer;
import io.coda4j.nn.json.Json;
import java.util.List;

/** Settings of a recorded optimiser, in the words of PyTorch and of the Hugging Face library. */
final class RecordedOptimizer {
    private static final double ADAM_EPS = 1e-8;

    private RecordedOptimizer() {}

    /**
     * The optimiser of {@code kind}, adafactor or adamw.
     *
     * @throws ParityException if it is another one or has a setting that this engine does not have
     */
    static Optimizer of(String kind, Json.Obj settings) {
        if (kind.startsWith("adafactor")) {
            return adafactor(settings);
        }
        if (kind.startsWith("adamw")) {
            return adamW(settings);
        }
        throw new ParityException("no optimiser is called \"" + kind + "\"; expected adafactor or adamw");
    }

    private static Optimizer adamW(Json.Obj settings) {
        boolean hasPair = settings.members().containsKey("betas");
        var betas = hasPair
                ? settings.member("betas").asList()
                : List.of(settings.member("beta1"), settings.member("beta2"));
        if (betas.size() != 2) {
            throw new ParityException("\"betas\" must be two numbers, got " + betas.size());
        }
        return new AdamW(
                betas.get(0).asDouble(),
                betas.get(1).asDouble(),
                number(settings, "eps", ADAM_EPS),
                number(settings, "weight_decay", 0),
                true);
    }

    private static Optimizer adafactor(Json.Obj settings) {
        for (var name : List.of("scale_parameter", "relative_step", "warmup_init")) {
            var flag = settings.members().get(name);
            if (flag != null && flag.asBoolean()) {
                throw new ParityException("\"" + name + "\" is true, which this engine's Adafactor does not have");
            }
        }
        var momentum = settings.members().get("beta1");
        if (momentum != null && !momentum.isNull()) {
            throw new ParityException(
                    "\"beta1\" is " + momentum.toText() + ", this engine's Adafactor has no momentum");
        }
        var standard = Adafactor.standard();
        var eps = settings.members().get("eps");
        return new Adafactor(
                // The second epsilon belongs to the scaling of parameters, which is off.
                eps instanceof Json.Arr(var pair) && !pair.isEmpty()
                        ? pair.getFirst().asDouble()
                        : number(settings, "eps", standard.eps()),
                number(settings, "clip_threshold", standard.clipThreshold()),
                number(settings, "decay_rate", standard.decayRate()),
                number(settings, "weight_decay", 0),
                true);
    }

    private static double number(Json.Obj settings, String name, double missing) {
        var value = settings.members().get(name);
        return value == null || value.isNull() ? missing : value.asDouble();
    }
}
