package io.coda4j.nn;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.spi.Devices;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A pass over a window with caches, compared with a pass over everything. */
class KvCacheTest {
    private static final TransformerConfig CONFIG = new TransformerConfig(23, 16, 3, 4, 2, 8, 24, 1e4, 1e-6, false, -1);
    private static final int LENGTH = 20;
    private static final int CAPACITY = 24;

    private final Transformer model = model();

    private static Transformer model() {
        var random = new Random(5);
        return CONFIG.build(DType.F32, (path, type) -> {
                    var values = new float[(int) type.size()];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = type.rank() == 1 ? 1 : (float) (random.nextGaussian() * .3);
                    }
                    return Array.of(type.shape(), values);
                })
                .model();
    }

    private static int[] tokens() {
        return new Random(6).ints(LENGTH, 0, CONFIG.vocabulary()).toArray();
    }

    private static List<KvCache> empty() {
        var type = CONFIG.cacheType(DType.F32, 1, CAPACITY);
        return Stream.generate(() -> new KvCache(Tensor.full(type, 9), Tensor.full(type, 9)))
                .limit(CONFIG.layers())
                .toList();
    }

    private static Tensor keySegments() {
        var segments = new int[CAPACITY];
        Arrays.fill(segments, LENGTH, CAPACITY, 1);
        return Array.of(Shape.of(1, CAPACITY), segments);
    }

    private Transformer.Cached pass(int[] tokens, int from, int to, List<KvCache> caches, AttentionMask mask) {
        var ids = Array.of(Shape.of(1, to - from), Arrays.copyOfRange(tokens, from, to));
        return model.apply(ids, new CacheView(Array.scalar(from), ids.like(0), keySegments(), mask), caches);
    }

    private float[] whole(int[] tokens, AttentionMask mask) {
        var ids = Array.of(Shape.of(1, tokens.length), tokens);
        return ((Array) model.apply(ids, View.of(ids, mask))).toFloats();
    }

    private static float[] rows(float[] states, int from, int to) {
        return Arrays.copyOfRange(states, from * CONFIG.hidden(), to * CONFIG.hidden());
    }

    @ParameterizedTest
    @EnumSource(AttentionMask.class)
    void aWindowOfEverythingIsThePassWithoutCaches(AttentionMask mask) {
        var states = ((Array) pass(tokens(), 0, LENGTH, empty(), mask).states()).toFloats();
        assertArrayEquals(whole(tokens(), mask), states, 1e-5f);
    }

    @Test
    void causalWindowsOneAfterTheOtherGiveTheWholePass() {
        var expected = whole(tokens(), AttentionMask.CAUSAL);
        var caches = empty();
        int[] borders = {0, 7, 8, 9, 15, LENGTH};
        for (int i = 0; i + 1 < borders.length; i++) {
            var pass = pass(tokens(), borders[i], borders[i + 1], caches, AttentionMask.CAUSAL);
            assertArrayEquals(
                    rows(expected, borders[i], borders[i + 1]), ((Array) pass.states()).toFloats(), 1e-5f, "part " + i);
            caches = pass.caches();
        }
    }

    @Test
    void aBidirectionalWindowSeesUnchangedNeighboursExactlyAndChangedOnesAsTheyWere() {
        var caches = pass(tokens(), 0, LENGTH, empty(), AttentionMask.FULL).caches();
        var again = pass(tokens(), 5, 9, caches, AttentionMask.FULL);
        assertArrayEquals(rows(whole(tokens(), AttentionMask.FULL), 5, 9), ((Array) again.states()).toFloats(), 1e-5f);
        // Its neighbours do not know of a token that changed inside the window: the approximation.
        var changed = tokens();
        changed[6] = (changed[6] + 1) % CONFIG.vocabulary();
        var window = ((Array) pass(changed, 5, 9, caches, AttentionMask.FULL).states()).toFloats();
        var exact = rows(whole(changed, AttentionMask.FULL), 5, 9);
        assertFalse(Arrays.equals(exact, window));
    }

    /** Rows of different lengths, with caches of different lengths and windows of different widths. */
    @ParameterizedTest
    @EnumSource(AttentionMask.class)
    void windowsOfSeveralRowsGiveWhatEachGivesAlone(AttentionMask mask) {
        int[][] windows = {{3, 9}, {0, 20}, {7, 11}};
        var ids = new ArrayList<Integer>();
        var views = new ArrayList<CacheView>();
        var caches = new ArrayList<List<KvCache>>();
        var alone = new ArrayList<Transformer.Cached>();
        for (int[] window : windows) {
            var tokens = Arrays.copyOfRange(tokens(), window[0], window[1]);
            Arrays.stream(tokens).forEach(ids::add);
            var filled = pass(tokens(), 0, LENGTH, empty(), mask).caches();
            var part = Array.of(Shape.of(1, tokens.length), tokens);
            views.add(new CacheView(Array.scalar(window[0]), part.like(0), keySegments(), mask));
            caches.add(filled);
            alone.add(model.apply(part, views.getLast(), filled));
        }
        var all = Array.of(
                Shape.of(1, ids.size()),
                ids.stream().mapToInt(Integer::intValue).toArray());
        var together = model.apply(all, views, caches);
        int at = 0;
        for (int i = 0; i < windows.length; i++) {
            int width = windows[i][1] - windows[i][0];
            assertArrayEquals(
                    ((Array) alone.get(i).states()).toFloats(),
                    rows(((Array) together.states()).toFloats(), at, at + width),
                    1e-5f,
                    "window " + i);
            assertArrayEquals(
                    ((Array) alone.get(i).caches().getLast().values()).toFloats(),
                    ((Array) together.caches().get(i).getLast().values()).toFloats(),
                    1e-5f);
            at += width;
        }
    }

    /** Arguments of the compiled windows. */
    public record Input(Transformer model, Tensor ids, List<CacheView> views, List<List<KvCache>> caches) {}

    @ParameterizedTest
    @ValueSource(ints = {1, 3})
    void donatedCachesAreChangedInPlace(int rows) {
        try (var program = Compiled.of(
                        "windows", (Input in) -> in.model.apply(in.ids, in.views, in.caches), Devices.defaultDevice())
                .freezing("model.**")
                .donating("caches.**")) {
            var ids = Array.of(Shape.of(1, 4 * rows), Arrays.copyOf(tokens(), 4 * rows));
            var segments = Array.of(Shape.of(1, 4), new int[4]);
            var view = new CacheView(Array.scalar(5), segments, keySegments(), AttentionMask.FULL);
            var views = Collections.nCopies(rows, view);
            var input = new Input(model, ids, views, caches(rows));
            var memory = program.memory(input);
            long cacheBytes = 2L
                    * CONFIG.layers()
                    * CONFIG.cacheType(DType.F32, 1, CAPACITY).byteSize();
            assertEquals(rows * cacheBytes, memory.donated());
            var expected = model.apply(ids, views, caches(rows));
            var result = program.apply(input);
            assertArrayEquals(((Array) expected.states()).toFloats(), ((Array) result.states()).toFloats(), 1e-6f);
            assertArrayEquals(
                    ((Array) expected.caches().getLast().getLast().keys()).toFloats(),
                    ((Array) result.caches().getLast().getLast().keys()).toFloats(),
                    1e-6f);
        }
    }

    private static List<List<KvCache>> caches(int rows) {
        return Stream.generate(KvCacheTest::empty).limit(rows).toList();
    }
}
