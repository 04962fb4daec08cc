package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import java.util.Arrays;
import java.util.Random;
import java.util.function.Function;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.lifecycle.AfterContainer;

/** What {@link CpuDevice#independentRows} promises: the bits of a row depend neither on other rows nor on how many there are. */
class IndependentRowsProperties {
    private static final CpuDevice DEVICE = CpuDevice.withThreads(2);
    private static final int LEAST = DEVICE.independentRows().orElseThrow();

    @AfterContainer
    static void close() {
        DEVICE.close();
    }

    /** x[M,D], norm[D], gate and up [N,D], down[D,N]. */
    public record Layer(Tensor x, Tensor norm, Tensor gate, Tensor up, Tensor down) {
        private Tensor apply() {
            var h = x.then(new Primitive.RmsNorm(1e-6), norm);
            return x.add(
                    h.linear(gate).then(new Primitive.SwiGlu(), h.linear(up)).linear(down));
        }

        private Layer with(Tensor rows) {
            return new Layer(rows, norm, gate, up, down);
        }
    }

    private static Array random(Random random, DType dtype, int... dims) {
        var shape = Shape.of(dims);
        var values = new float[Math.toIntExact(shape.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = random.nextFloat() * 2 - 1;
        }
        var array = Array.of(shape, values).to(DEVICE);
        return (Array) new Eager(DEVICE).run(() -> array.convert(dtype));
    }

    private static float[] run(Function<Layer, Tensor> layer, Layer in) {
        try (var compiled = Compiled.of("layer", layer, DEVICE).freezing("norm", "gate", "up", "down")) {
            return ((Array) compiled.apply(in)).toFloats();
        }
    }

    private static Array rows(Array x, int from, int to) {
        int width = x.type().dim(1);
        return Array.of(Shape.of(to - from, width), Arrays.copyOfRange(x.toFloats(), from * width, to * width))
                .to(DEVICE);
    }

    /** Depths over one, two and, unpacked, more than a span of steps; rows over one and several blocks. */
    @Property(tries = 60)
    void aLayerComputesEachRowByItself(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 40) int columns,
            @ForAll @IntRange(max = 3) int scale,
            @ForAll @IntRange(max = 2) int weights) {
        var random = new Random(seed);
        int depth = 1 + random.nextInt(new int[] {40, 300, 700, 5000}[scale]);
        var dtype = new DType[] {DType.F32, DType.BF16, DType.F16}[weights];
        int all = LEAST + random.nextInt(scale < 2 ? 600 : 80);
        int from = random.nextInt(all - LEAST + 1);
        int to = from + LEAST + random.nextInt(all - from - LEAST + 1);
        var x = random(random, DType.F32, all, depth);
        var layer = new Layer(
                x,
                random(random, DType.F32, depth),
                random(random, dtype, columns, depth),
                random(random, dtype, columns, depth),
                random(random, dtype, depth, columns));
        var together = Arrays.copyOfRange(run(Layer::apply, layer), from * depth, to * depth);
        assertArrayEquals(together, run(Layer::apply, layer.with(rows(x, from, to))));
    }

    /** Queries q[1,T,2,d] against k and v [1,S,1,d] of segment 0, padding being of segment 1. */
    public record Mixing(Tensor q, Tensor k, Tensor v, Tensor segments, Tensor keySegments, Tensor start) {
        private Tensor apply() {
            var attention = new Primitive.Attention(.3, Primitive.AttentionMask.FULL);
            return q.then(attention, k, v, segments, keySegments, start);
        }
    }

    private static float[] mixed(Array q, Array k, Array v, int seen) {
        var keySegments = new int[k.type().dim(1)];
        Arrays.fill(keySegments, seen, keySegments.length, 1);
        var in = new Mixing(
                q,
                k,
                v,
                Array.of(Shape.of(1, q.type().dim(1)), new int[q.type().dim(1)]).to(DEVICE),
                Array.of(Shape.of(1, keySegments.length), keySegments).to(DEVICE),
                Array.of(Shape.of(), new int[1]).to(DEVICE));
        try (var compiled = Compiled.of("mixing", Mixing::apply, DEVICE)) {
            return ((Array) compiled.apply(in)).toFloats();
        }
    }

    private static Array first(Array x, int count) {
        int width = x.type().dim(2) * x.type().dim(3);
        var shape = Shape.of(1, count, x.type().dim(2), x.type().dim(3));
        return Array.of(shape, Arrays.copyOf(x.toFloats(), count * width)).to(DEVICE);
    }

    /** Neither fewer queries nor keys that nobody sees behind the others change a bit. */
    @Property(tries = 60)
    void attentionMixesEachQueryByItselfWhateverThePadding(
            @ForAll long seed,
            @ForAll @IntRange(min = 1, max = 300) int queries,
            @ForAll @IntRange(min = 1, max = 600) int keys,
            @ForAll @IntRange(max = 300) int padding,
            @ForAll @IntRange(min = 1, max = 20) int size) {
        var random = new Random(seed);
        var q = random(random, DType.F32, 1, queries, 2, size);
        var k = random(random, DType.F32, 1, keys + padding, 1, size);
        var v = random(random, DType.F32, 1, keys + padding, 1, size);
        int few = 1 + random.nextInt(queries);
        var padded = Arrays.copyOf(mixed(q, k, v, keys), few * 2 * size);
        assertArrayEquals(padded, mixed(first(q, few), first(k, keys), first(v, keys), keys));
    }
}
