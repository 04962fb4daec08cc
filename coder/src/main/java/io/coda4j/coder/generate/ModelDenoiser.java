package io.coda4j.coder.generate;

import io.coda4j.coder.generate.ModelPrograms.Size;
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
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * A language model as the sampler sees it, on whatever device holds its weights.
 *
 * <p>A pass runs the transformer over the columns that {@link Caching} names, then the head over the wanted positions only,
 * so many at a time that their logits fit {@value #LOGITS_BYTES} bytes. A row that did not change since the last pass over
 * all of it is not computed again. Without a cache the last layer computes the wanted columns only. Sizes are rounded up to
 * few different ones, because each needs programs of its own: rows are padded on the right with tokens in a segment of their
 * own, which the others do not see, and wanted positions with repetitions that are dropped.
 *
 * <p>The results of a row depend neither on the batch it is in nor on the lengths of other rows, bit for bit. Windows of
 * several rows share a pass of up to {@value #MOST_COLUMNS} columns, which reads the weights once for all of them. Their
 * tokens lie side by side and are not padded to a common length; each row mixes with its own cache by itself, and in
 * everything else a device that says so ({@link Device#independentRows}) computes every column by itself. On others, and
 * where a window has too few columns, rows go one after the other. So do passes over whole rows, which would gain nothing. At
 * the dimensions of CoDA 1.7B on AMD Zen 3, four windows of 5 columns take 0.37 of the processor time of four passes, of 9
 * columns 0.76, but of 17 or 33 columns 0.8 to 1: from a dozen columns on arithmetic takes longer than reading the weights.
 *
 * <p>The model's weights must stay as they are and open until this is closed. Calls are serialised.
 */
public final class ModelDenoiser implements Denoiser, AutoCloseable {
    private static final int LENGTH_STEP = 32;
    private static final int FEWEST_POSITIONS = 8;
    private static final int MOST_POSITIONS = 1024;

    /** Room for 256 positions of CoDA: one product with its head, where a second would have that packed at the first step. */
    private static final int LOGITS_BYTES = 160 << 20;

    private static final int SMALLEST_CAUSAL_CACHE = 256;

    /** Columns of a pass over windows of several rows: more would take space and no less time. */
    private static final int MOST_COLUMNS = 256;

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
        var states = new RowState[positions.length];
        var passes = new ArrayList<Pass>();
        for (int from = 0; from < positions.length; ) {
            int row = positions[from] / length;
            int to = from;
            while (to < positions.length && positions[to] / length == row) {
                to++;
            }
            var wanted = IntStream.range(from, to)
                    .map(n -> stateColumn(positions[n] % length))
                    .distinct()
                    .toArray();
            var pass = pass(request, row, wanted);
            passes.add(pass);
            Arrays.fill(states, from, to, pass.state);
            from = to;
        }
        run(passes);
        deliver(positions, length, states, sink);
    }

    /** The column whose hidden state predicts the token at {@code column}. */
    private int stateColumn(int column) {
        return Math.max(0, column - lead);
    }

    /**
     * What is computed of a row at a step: its columns from {@code start} to {@code end}, padding included.
     *
     * @param wanted columns whose hidden states are needed, rising
     * @param known where what is cached of the row ends, once this is done
     */
    private record Pass(
            int row,
            int[] tokens,
            Window window,
            int[] wanted,
            RowState state,
            int start,
            int end,
            boolean isWhole,
            int known) {
        private int width() {
            return end - start;
        }

        private Size size() {
            return new Size(width(), state.capacity());
        }

        /** Whether nothing changed since this was computed. */
        private boolean isDone() {
            return isWhole && state.hasStatesOf(tokens, wanted);
        }
    }

    private Pass pass(DenoiseRequest request, int row, int[] wanted) {
        var tokens = request.canvas().row(row);
        // A request without windows is about the whole row.
        var window = request.windows().isEmpty()
                ? new Window(0, tokens.length, 0, 1)
                : request.windows().get(row);
        var state = state(row, tokens.length);
        var pass = caching.pass(state.progress(tokens, lead, window));
        int start = variesInWidth(pass, window) ? pass.start() / LENGTH_STEP * LENGTH_STEP : pass.start();
        boolean reachesEnd = pass.end() == tokens.length;
        boolean isWhole = start == 0 && reachesEnd;
        int end = isWhole || (reachesEnd && caching instanceof Caching.Prefix) ? padded(tokens.length) : pass.end();
        return new Pass(row, tokens, window, wanted, state, start, end, isWhole, pass.end());
    }

    /** Brings the hidden states that the windows' predictions need up to date. */
    private void run(List<Pass> passes) {
        var together = new ArrayList<Pass>();
        for (var pass : passes) {
            if (pass.isDone()) {
                pass.state.seen(pass.window);
            } else if (joins(pass)) {
                together.add(pass);
            } else {
                runTogether(List.of(pass));
            }
        }
        // In the order of their sizes, so that the same sizes come together again at other steps.
        together.sort(Comparator.comparingInt(Pass::width).thenComparingInt(pass -> pass.state.capacity()));
        int from = 0;
        int columns = 0;
        for (int to = 0; to < together.size(); to++) {
            columns += together.get(to).width();
            if (columns > MOST_COLUMNS && to > from) {
                runTogether(together.subList(from, to));
                from = to;
                columns = together.get(to).width();
            }
        }
        if (from < together.size()) {
            runTogether(together.subList(from, together.size()));
        }
    }

    /** Whether a pass may be run together with others. */
    private boolean joins(Pass pass) {
        return !pass.isWhole && pass.width() >= device.independentRows().orElse(Integer.MAX_VALUE);
    }

    private void runTogether(List<Pass> passes) {
        long began = System.nanoTime();
        var sizes = passes.stream().map(Pass::size).toList();
        var first = passes.getFirst();
        var result = first.state.capacity() == 0 ? whole(first) : windows(passes, sizes);
        var states = new HiddenStates(result, sizes);
        int at = 0;
        for (var pass : passes) {
            int end = Math.min(pass.end, pass.tokens.length);
            var columns = pass.state.capacity() == 0
                    ? pass.wanted
                    : IntStream.range(pass.start, end).toArray();
            pass.state.computed(pass.tokens, pass.start, end, pass.window, columns, states, at);
            if (caching instanceof Caching.Causal) {
                pass.state.forgetFrom(pass.known);
            }
            at += pass.width();
        }
        work = work.withPass(first.isWhole, at, (System.nanoTime() - began) * 1e-9);
    }

    /** The logits of all positions in order: those of rows that shared a pass in the same pieces. */
    private void deliver(int[] positions, int length, RowState[] states, LogitsSink sink) {
        int count;
        for (int first = 0; first < positions.length; first += count) {
            var shared = states[first].states();
            var rows = new int[Math.min(mostPositions, positions.length - first)];
            for (count = 0; count < rows.length && states[first + count].states() == shared; count++) {
                rows[count] = states[first + count].stateOf(stateColumn(positions[first + count] % length));
            }
            logits(shared, Arrays.copyOf(rows, count));
            sink.accept(first, count, logits);
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

    /** Whether passes like this one have all sorts of widths: they then start early enough to have one of few. */
    private boolean variesInWidth(Caching.Pass pass, Window window) {
        return switch (caching) {
            case Caching.None _, Caching.Dual _, Caching.Causal _ -> false;
            case Caching.Prefix _ -> true;
            case Caching.Delayed _ -> pass.start() < window.start() - lead;
        };
    }

    /** The states [N,D] of the wanted columns, some of them several times. */
    private Array whole(Pass pass) {
        var type = TensorType.of(DType.I32, 1, pass.end);
        try (var ids = upload(type, i -> token(pass, i));
                var segments = upload(type, i -> segment(pass, i));
                var columns = padded(pass.wanted)) {
            var input = new ModelPrograms.WholeInput(model.model(), ids, segments, columns);
            return (Array) programs.of(List.of(pass.size())).whole().apply(input);
        }
    }

    /** The states [T,D] of the columns of several passes, side by side. */
    private Array windows(List<Pass> passes, List<Size> sizes) {
        try (var scope = Scope.open()) {
            var input = new ModelPrograms.WindowInput(
                    model.model(),
                    ids(passes),
                    passes.stream().map(this::view).toList(),
                    passes.stream().map(this::caches).toList());
            var output = programs.of(sizes).window().apply(input);
            scope.keep(output);
            for (int i = 0; i < passes.size(); i++) {
                passes.get(i).state.setCaches(output.caches().get(i));
            }
            return (Array) output.states();
        }
    }

    private Array ids(List<Pass> passes) {
        var tokens = passes.stream()
                .flatMapToInt(pass -> IntStream.range(pass.start, pass.end).map(column -> token(pass, column)))
                .toArray();
        return upload(TensorType.of(DType.I32, 1, tokens.length), i -> tokens[i]);
    }

    private CacheView view(Pass pass) {
        var start = upload(TensorType.of(DType.I32), _ -> pass.start);
        var segments = upload(TensorType.of(DType.I32, 1, pass.width()), i -> segment(pass, pass.start + i));
        var keySegments = upload(TensorType.of(DType.I32, 1, pass.state.capacity()), i -> segment(pass, i));
        return new CacheView(start, segments, keySegments, config.attention());
    }

    private List<KvCache> caches(Pass pass) {
        return pass.state.caches().isEmpty() ? emptyCaches(pass.state.capacity()) : pass.state.caches();
    }

    /** Padding is of a segment of its own. */
    private static int segment(Pass pass, int column) {
        return column < pass.tokens.length ? 0 : 1;
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

    private int token(Pass pass, int column) {
        if (column >= pass.tokens.length) {
            return 0;
        }
        int token = pass.tokens[column];
        if (token == placeholder(config) && config.attention() == AttentionMask.CAUSAL) {
            return 0;
        }
        if (token < 0 || token >= vocabularySize()) {
            throw new IllegalArgumentException("denoiser: row " + pass.row + ", column " + column + " holds token "
                    + token + ", outside the vocabulary of " + vocabularySize());
        }
        return token;
    }

    /** Lets {@link #logits} begin with [count,V] for {@code count} of the hidden states. */
    private void logits(HiddenStates states, int[] rows) {
        long began = System.nanoTime();
        var head = programs.of(states.sizes()).head();
        try (var wanted = padded(rows);
                var result = (Array) head.apply(new ModelPrograms.HeadInput(model.head(), states.states(), wanted))) {
            int needed = Math.toIntExact(result.type().size());
            if (logits.length < needed) {
                logits = new float[needed];
            }
            result.buffer().download(MemorySegment.ofArray(logits));
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

    /** I32[N] of one of few sizes that begins with {@code values} and repeats the last of them. */
    private Array padded(int[] values) {
        int size = Math.max(FEWEST_POSITIONS, Integer.highestOneBit(2 * values.length - 1));
        return upload(TensorType.of(DType.I32, size), i -> values[Math.min(i, values.length - 1)]);
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
