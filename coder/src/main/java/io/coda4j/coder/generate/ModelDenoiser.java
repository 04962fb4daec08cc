package io.coda4j.coder.generate;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.diffusion.sampling.Denoiser;
import io.coda4j.diffusion.sampling.LogitsSink;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Transformer;
import io.coda4j.nn.View;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntUnaryOperator;

/**
 * A language model as the sampler sees it, on whatever device holds its weights.
 *
 * <p>Each step runs two compiled programs: the transformer over the whole canvas, then the head over the wanted positions
 * only, so many at a time that their logits fit {@value #LOGITS_BYTES} bytes. Sizes are rounded up to few different ones,
 * because each needs programs of its own: rows are padded on the right with tokens in a segment of their own, which the
 * others do not see, and wanted positions with repetitions that are dropped.
 *
 * <p>The model's weights must stay as they are and open until this is closed. Calls are serialised.
 */
public final class ModelDenoiser implements Denoiser, AutoCloseable {
    private static final int LENGTH_STEP = 32;
    private static final int FEWEST_POSITIONS = 8;
    private static final int MOST_POSITIONS = 1024;
    private static final int LOGITS_BYTES = 64 << 20;
    private static final int KEPT_SIZES = 4;

    /** Arguments of the first program: ids and segments I32[B,T]. */
    public record StatesInput(Transformer transformer, Tensor ids, Tensor segments) {}

    /** Arguments of the second program: head [V,D], states [B*T,D], rows I32[S]. */
    public record LogitsInput(Tensor head, Tensor states, Tensor rows) {}

    /** The programs for canvases of one size. */
    private record Programs(Compiled<StatesInput, Tensor> states, Compiled<LogitsInput, Tensor> logits)
            implements AutoCloseable {
        @Override
        public void close() {
            states.close();
            logits.close();
        }
    }

    /** Rows and padded length of a canvas. */
    private record Size(int rows, int length) {}

    private final LanguageModel model;
    private final CodaConfig config;
    private final Device device;
    private final int mostPositions;
    private final Map<Size, Programs> programs = new LinkedHashMap<>(16, 0.75f, true);
    private MemorySegment host = MemorySegment.NULL;
    private float[] logits = new float[0];
    private boolean closed;

    /**
     * A denoiser over {@code model}, whose weights are on {@code device}.
     *
     * @param config says which attention the model has and whether its hidden states predict the next token
     * @throws IllegalArgumentException if a weight is on another device
     */
    public ModelDenoiser(CodaConfig config, LanguageModel model, Device device) {
        this.config = config;
        this.model = model;
        this.device = device;
        Tree.leaves(model).forEach((path, leaf) -> requireOn(device, path, (Array) leaf));
        long fitting = LOGITS_BYTES / (4L * vocabularySize());
        this.mostPositions = Math.clamp(Long.highestOneBit(fitting), FEWEST_POSITIONS, MOST_POSITIONS);
    }

    private static void requireOn(Device device, String path, Array leaf) {
        if (leaf.device() != device) {
            throw new IllegalArgumentException(
                    "denoiser: " + path + " is on " + leaf.device().name() + ", expected " + device.name()
                            + "; load the model onto the device that is to run it");
        }
    }

    @Override
    public int vocabularySize() {
        return model.headWeight().dim(0);
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if the canvas holds a token outside the vocabulary
     */
    @Override
    public synchronized void denoise(DenoiseRequest request, LogitsSink sink) {
        if (closed) {
            throw new IllegalStateException("the denoiser was closed");
        }
        var canvas = request.canvas();
        var size = new Size(canvas.rows(), Math.ceilDiv(canvas.length(), LENGTH_STEP) * LENGTH_STEP);
        var compiled = programs(size);
        try (var states = states(compiled, canvas, size)) {
            int wanted = request.positions().length;
            for (int first = 0; first < wanted; first += mostPositions) {
                int count = Math.min(mostPositions, wanted - first);
                logits(compiled, request, states, size, first, count);
                sink.accept(first, count, logits);
            }
        }
    }

    /** The programs for a size; those of the size that was not used for the longest time make room for new ones. */
    private Programs programs(Size size) {
        var known = programs.get(size);
        if (known != null) {
            return known;
        }
        if (programs.size() == KEPT_SIZES) {
            var eldest = programs.entrySet().iterator().next();
            programs.remove(eldest.getKey());
            eldest.getValue().close();
        }
        var created = new Programs(
                Compiled.of("hidden_states", (StatesInput in) -> states(in), device)
                        .freezing("transformer.**"),
                Compiled.of("logits", (LogitsInput in) -> logits(in), device).freezing("head"));
        programs.put(size, created);
        return created;
    }

    private Tensor states(StatesInput in) {
        var states = in.transformer.apply(in.ids, View.ofSegments(in.segments, config.attention()));
        return states.reshape(states.dim(0) * states.dim(1), states.dim(2));
    }

    private static Tensor logits(LogitsInput in) {
        return in.states.takeRows(in.rows).linear(in.head);
    }

    /** Hidden states [B*T,D] of the canvas. */
    private Array states(Programs compiled, Canvas canvas, Size size) {
        var type = TensorType.of(DType.I32, size.rows, size.length);
        try (var ids = upload(type, i -> token(canvas, size, i));
                var segments = upload(type, i -> i % size.length < canvas.length() ? 0 : 1)) {
            return (Array) compiled.states.apply(new StatesInput(model.model(), ids, segments));
        }
    }

    private int token(Canvas canvas, Size size, int index) {
        int row = index / size.length;
        int column = index % size.length;
        if (column >= canvas.length()) {
            return 0;
        }
        int token = canvas.tokens()[row * canvas.length() + column];
        if (token < 0 || token >= vocabularySize()) {
            throw new IllegalArgumentException("denoiser: row " + row + ", column " + column + " holds token " + token
                    + ", outside the vocabulary of " + vocabularySize());
        }
        return token;
    }

    /** Fills {@link #logits} with [count,V] for {@code positions[first..first+count)}. */
    private void logits(Programs compiled, DenoiseRequest request, Array states, Size size, int first, int count) {
        int padded = Math.max(FEWEST_POSITIONS, Integer.highestOneBit(2 * count - 1));
        int length = request.canvas().length();
        var type = TensorType.of(DType.I32, padded);
        try (var rows = upload(type, i -> {
                    return stateRow(request.positions()[first + Math.min(i, count - 1)], length, size.length);
                });
                var result = (Array) compiled.logits.apply(new LogitsInput(model.headWeight(), states, rows))) {
            var values = host(result.type().byteSize());
            result.buffer().download(values);
            int needed = Math.multiplyExact(count, vocabularySize());
            if (logits.length < needed) {
                logits = new float[Math.multiplyExact(padded, vocabularySize())];
            }
            MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, 0, logits, 0, needed);
        }
    }

    /** The row of the hidden states that predicts the token at a flat position of the canvas. */
    private int stateRow(int position, int length, int paddedLength) {
        int row = position / length;
        int column = position % length;
        return row * paddedLength + (config.shift() ? Math.max(0, column - 1) : column);
    }

    /** Native memory of at least {@code bytes} bytes for one transfer, kept between calls. */
    private MemorySegment host(long bytes) {
        if (host.byteSize() < bytes) {
            host = Arena.ofAuto().allocate(bytes, 64);
        }
        return host;
    }

    private Array upload(TensorType type, IntUnaryOperator element) {
        var memory = host(type.byteSize());
        for (int i = 0; i < type.size(); i++) {
            memory.setAtIndex(ValueLayout.JAVA_INT, i, element.applyAsInt(i));
        }
        return Array.copyOf(type, memory, device);
    }

    /** Releases the programs; the model stays as it is. */
    @Override
    public synchronized void close() {
        closed = true;
        programs.values().forEach(Programs::close);
        programs.clear();
    }
}
