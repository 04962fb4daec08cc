package io.coda4j.coder.generate;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.diffusion.sampling.Denoiser;
import io.coda4j.diffusion.sampling.LogitsSink;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.View;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.spi.Device;

/**
 * A language model as the sampler sees it: one full forward pass per step, logits only at the positions asked for.
 *
 * <p>Position p is predicted by the hidden state at p - 1 where the model predicts the next token (position 0 by its
 * own), else by its own. The number of rows is rounded up, so that a run needs few programs.
 */
public final class ModelDenoiser implements Denoiser, AutoCloseable {
    private static final int BUCKET = 32;

    /**
     * Arguments of the program.
     *
     * @param ids I32[B,T]
     * @param rows I32[S], rows of hidden[B*T,D]
     */
    public record Input(LanguageModel model, Tensor ids, Tensor rows) {}

    private final CodaConfig config;
    private final LanguageModel model;
    private final Compiled<Input, Tensor> program;

    /** A denoiser that keeps {@code model} for its whole life. */
    public ModelDenoiser(CodaConfig config, LanguageModel model, Device device) {
        this.config = config;
        this.model = model;
        this.program =
                Compiled.of("denoise", this::logits, device).freezing("model.**");
    }

    /** The logits F32[S,V] of the wanted rows. */
    private Tensor logits(Input in) {
        var hidden = in.model.model().apply(in.ids, View.of(in.ids, config.attention()));
        var states = hidden.reshape(hidden.dim(0) * hidden.dim(1), hidden.dim(2));
        return in.model.logits(states.takeRows(in.rows));
    }

    @Override
    public int vocabularySize() {
        return config.transformer().vocabulary();
    }

    @Override
    public void denoise(DenoiseRequest request, LogitsSink sink) {
        var canvas = request.canvas();
        var positions = request.positions();
        var rows = new int[Math.ceilDiv(positions.length, BUCKET) * BUCKET];
        for (int i = 0; i < positions.length; i++) {
            boolean ownState = !config.shift() || positions[i] % canvas.length() == 0;
            rows[i] = ownState ? positions[i] : positions[i] - 1;
        }
        try (var _ = Scope.open()) {
            var ids = Array.of(Shape.of(canvas.rows(), canvas.length()), canvas.tokens());
            var logits = program.apply(new Input(model, ids, Array.of(Shape.of(rows.length), rows)));
            sink.accept(0, positions.length, ((Array) logits).toFloats());
        }
    }

    @Override
    public void close() {
        program.close();
    }
}
