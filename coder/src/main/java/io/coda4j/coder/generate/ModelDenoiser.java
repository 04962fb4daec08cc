package io.coda4j.coder.generate;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.diffusion.sampling.Denoiser;
import io.coda4j.diffusion.sampling.LogitsSink;
import io.coda4j.diffusion.sampling.Window;
import io.coda4j.nn.CacheView;
import io.coda4j.nn.KvCache;
import io.coda4j.nn.LanguageModel;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * A language model as the sampler sees it, on whatever device holds its weights.
 *
 * <p>Each row is computed by itself, so its results depend neither on the batch it is in nor on the lengths of other rows. A
 * pass runs the transformer over the columns that {@link Caching} names, then the head over the wanted positions only, so
 * many at a time that their logits fit {@value #LOGITS_BYTES} bytes. A row that did not change since the last pass over all
 * of it is not computed again. Sizes are rounded up to few different ones, because each needs programs of its own: rows are
 * padded on the right with tokens in a segment of their own, which the others do not see, and wanted positions with
 * repetitions that are dropped.
 *
 * <p>The model's weights must stay as they are and open until this is closed. Calls are serialised.
 */
public final class ModelDenoiser implements Denoiser, AutoCloseable {
    private static final int LENGTH_STEP = 32;
    private static final int FEWEST_POSITIONS = 8;
    private static final int MOST_POSITIONS = 1024;
    private static final int LOGITS_BYTES = 64 << 20;
    private static final int SMALLEST_CAUSAL_CACHE = 256;

    private final LanguageModel model;
    private final CodaConfig config;
    private final Device device;
    private final Caching caching;
    private final int lead;
    private final int mostPositions;
    private final ModelPrograms programs;
    private final Map<Integer, RowState> rows = new LinkedHashMap<>();
    private MemorySegment host = MemorySegment.NULL;
    private float[] logits = new float[0];
    private DenoiserWork work = DenoiserWork.NONE;
    private boolean closed;

    /** As {@link #ModelDenoiser(CodaConfig, LanguageModel, Device, Caching)}, computing everything at every step. */
    public ModelDenoiser(CodaConfig config, LanguageModel model, Device device) {
        this(config, model, device, new Caching.None());
    }

    /**
     * As {@link #ModelDenoiser(CodaConfig, LanguageModel, Device, Caching, Precision)}, multiplying F32.
     *
     * @throws IllegalArgumentException if a weight is on another device, or the cache is not for this kind of model
     */
    public ModelDenoiser(CodaConfig config, LanguageModel model, Device device, Caching caching) {
        this(config, model, device, caching, Precision.F32);
    }

    /**
     * A denoiser over {@code model}, whose weights are on {@code device}.
     *
     * @param config says which attention the model has and whether its hidden states predict the next token
     * @param caching what need not be computed anew at a step
     * @param precision of products with BF16 matrices
     * @throws IllegalArgumentException if a weight is on another device, or the cache is not for this kind of model
     */
    public ModelDenoiser(CodaConfig config, LanguageModel model, Device device, Caching caching, Precision precision) {
        this.config = config;
        this.model = model;
        this.device = device;
        this.caching = caching;
        this.lead = config.shift() ? 1 : 0;
        this.programs = new ModelPrograms(config, device, precision);
        if (caching instanceof Caching.Causal && config.attention() != AttentionMask.CAUSAL) {
            throw new IllegalArgumentException(
                    "denoiser: the causal cache is for autoregressive models, this one attends in both directions");
        }
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

    /**
     * The id that masks what an autoregressive model without a mask token has not written yet: one more than its last. Such a
     * model never sees it.
     */
    public static int placeholder(CodaConfig config) {
        return config.transformer().vocabulary();
    }

    @Override
    public int vocabularySize() {
        return model.headWeight().dim(0);
    }

    /** What is not computed anew at every step. */
    public Caching caching() {
        return caching;
    }

    /** What has been done in all runs so far. */
    public synchronized DenoiserWork work() {
        return work;
    }

    /** Forgets what approximate caches hold. An exact one of an earlier run may still hold the beginning of a text. */
    @Override
    public synchronized void begin(Canvas canvas) {
        if (!(caching instanceof Caching.Causal)) {
            forget();
        }
    }

    private void forget() {
        rows.values().forEach(RowState::close);
        rows.clear();
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
        int[] positions = request.positions();
        int length = request.canvas().length();
        for (int from = 0; from < positions.length; ) {
            int row = positions[from] / length;
            int to = from;
            while (to < positions.length && positions[to] / length == row) {
                to++;
            }
            row(request, row, from, to, sink);
            from = to;
        }
    }

    private void row(DenoiseRequest request, int row, int from, int to, LogitsSink sink) {
        int length = request.canvas().length();
        var tokens = request.canvas().row(row);
        var columns = IntStream.range(from, to)
                .map(n -> request.positions()[n] - row * length)
                .toArray();
        // A request without windows is about the whole row.
        var window = request.windows().isEmpty()
                ? new Window(0, tokens.length, 0, 1)
                : request.windows().get(row);
        var state = state(row, tokens.length);
        pass(row, tokens, window, state);
        for (int first = 0; first < columns.length; first += mostPositions) {
            int count = Math.min(mostPositions, columns.length - first);
            logits(state, columns, first, count);
            sink.accept(from + first, count, logits);
        }
    }

    private RowState state(int row, int length) {
        int capacity = switch (caching) {
            case Caching.None _ -> 0;
            case Caching.Prefix _, Caching.Dual _, Caching.Delayed _ -> padded(length);
            case Caching.Causal _ -> Math.max(SMALLEST_CAUSAL_CACHE, Integer.highestOneBit(2 * padded(length) - 1));
        };
        var known = rows.get(row);
        if (known != null && known.capacity() == capacity) {
            known.resize(length);
            return known;
        }
        if (known != null) {
            known.close();
        }
        var created = new RowState(length, capacity);
        rows.put(row, created);
        return created;
    }

    private static int padded(int length) {
        return Math.ceilDiv(length, LENGTH_STEP) * LENGTH_STEP;
    }

    /** Brings the hidden states that the window's predictions need up to date. */
    private void pass(int row, int[] tokens, Window window, RowState state) {
        var pass = caching.pass(state.progress(tokens, lead, window));
        int start = variesInWidth(pass, window) ? pass.start() / LENGTH_STEP * LENGTH_STEP : pass.start();
        boolean reachesEnd = pass.end() == tokens.length;
        boolean isWhole = start == 0 && reachesEnd;
        if (isWhole && state.hasStatesOf(tokens)) {
            state.seen(window);
            return;
        }
        long began = System.nanoTime();
        int end = isWhole || (reachesEnd && caching instanceof Caching.Prefix) ? padded(tokens.length) : pass.end();
        var states = state.capacity() == 0 ? whole(row, tokens, end) : window(row, tokens, start, end, state);
        state.computed(tokens, start, Math.min(end, tokens.length), window, states);
        if (caching instanceof Caching.Causal) {
            state.forgetFrom(pass.end());
        }
        work = work.withPass(isWhole, end - start, (System.nanoTime() - began) * 1e-9);
    }

    /** Whether passes like this one have all sorts of widths: they then start early enough to have one of few. */
    private boolean variesInWidth(Caching.Pass pass, Window window) {
        return switch (caching) {
            case Caching.None _, Caching.Dual _, Caching.Causal _ -> false;
            case Caching.Prefix _ -> true;
            case Caching.Delayed _ -> pass.start() < window.start() - lead;
        };
    }

    private Array whole(int row, int[] tokens, int columns) {
        var type = TensorType.of(DType.I32, 1, columns);
        try (var ids = upload(type, i -> token(tokens, row, i));
                var segments = upload(type, i -> i < tokens.length ? 0 : 1)) {
            var input = new ModelPrograms.WholeInput(model.model(), ids, segments);
            return (Array) programs.of(columns, 0).whole().apply(input);
        }
    }

    private Array window(int row, int[] tokens, int start, int end, RowState state) {
        var type = TensorType.of(DType.I32, 1, end - start);
        var keyType = TensorType.of(DType.I32, 1, state.capacity());
        try (var ids = upload(type, i -> token(tokens, row, start + i));
                var segments = upload(type, i -> start + i < tokens.length ? 0 : 1);
                var keySegments = upload(keyType, i -> i < tokens.length ? 0 : 1);
                var first = upload(TensorType.of(DType.I32), _ -> start)) {
            if (state.caches().isEmpty()) {
                state.setCaches(emptyCaches(state.capacity()));
            }
            var view = new CacheView(first, segments, keySegments, config.attention());
            var input = new ModelPrograms.WindowInput(model.model(), ids, view, state.caches());
            var output = programs.of(end - start, state.capacity()).window().apply(input);
            state.setCaches(output.caches());
            return (Array) output.states();
        }
    }

    private List<KvCache> emptyCaches(int capacity) {
        var type = config.transformer().cacheType(DType.F32, 1, capacity);
        return IntStream.range(0, config.transformer().layers())
                .mapToObj(_ -> new KvCache(zeros(type), zeros(type)))
                .toList();
    }

    private Array zeros(TensorType type) {
        return Array.copyOf(type, host(type.byteSize()).fill((byte) 0), device);
    }

    private int token(int[] tokens, int row, int column) {
        if (column >= tokens.length) {
            return 0;
        }
        int token = tokens[column];
        if (token == placeholder(config) && config.attention() == AttentionMask.CAUSAL) {
            return 0;
        }
        if (token < 0 || token >= vocabularySize()) {
            throw new IllegalArgumentException("denoiser: row " + row + ", column " + column + " holds token " + token
                    + ", outside the vocabulary of " + vocabularySize());
        }
        return token;
    }

    /** Fills {@link #logits} with [count,V] for {@code columns[first..first+count)}. */
    private void logits(RowState state, int[] columns, int first, int count) {
        long began = System.nanoTime();
        int padded = Math.max(FEWEST_POSITIONS, Integer.highestOneBit(2 * count - 1));
        var states = state.states();
        var head = programs.of(states.type().dim(0), state.capacity()).head();
        var type = TensorType.of(DType.I32, padded);
        try (var rows = upload(
                        type, i -> Math.max(0, columns[first + Math.min(i, count - 1)] - lead) - state.statesStart());
                var result = (Array) head.apply(new ModelPrograms.HeadInput(model.head(), states, rows))) {
            var values = host(result.type().byteSize());
            result.buffer().download(values);
            int needed = Math.multiplyExact(count, vocabularySize());
            if (logits.length < needed) {
                logits = new float[Math.multiplyExact(padded, vocabularySize())];
            }
            MemorySegment.copy(values, ValueLayout.JAVA_FLOAT, 0, logits, 0, needed);
        }
        work = work.withHead((System.nanoTime() - began) * 1e-9);
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

    /** Releases the programs and caches; the model stays as it is. */
    @Override
    public synchronized void close() {
        closed = true;
        forget();
        programs.close();
    }
}
