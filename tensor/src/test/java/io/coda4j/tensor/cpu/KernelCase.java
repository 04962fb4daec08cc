package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Elements;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;

/**
 * One kernel with operands, run on one, two and three threads, with machine code where there is some, and without; the results must
 * agree in every bit, cover all of the result and nothing beside it, and leave the operands alone.
 */
final class KernelCase {
    /** Sizes around a vector, a block of scratch memory and a piece of work. */
    static final int[] SIZES = {
        0, 1, Lanes.COUNT - 1, Lanes.COUNT, Lanes.COUNT + 1, 2 * Lanes.COUNT + 3, 97, 1025, 16_384, 40_009
    };

    private static final int GUARD = 64;
    private static final byte FILL = 0x5a;
    private static final CpuDevice DEVICE = CpuDevice.reference();
    private static final CpuMemory MEMORY = new CpuMemory(DEVICE);
    private static final List<CpuKernels> SETS = List.of(
            CpuDevice.reference().kernels(new Parallel(1)),
            CpuDevice.reference().kernels(new Parallel(2)),
            CpuDevice.reference().kernels(new Parallel(3)),
            new CpuKernels(new Parallel(2), MEMORY, Optional::empty, Optional::empty));

    private final Primitive prim;
    private final List<TensorType> types;
    private final List<TensorType> results;
    private final List<byte[]> operands = new ArrayList<>();
    private final List<double[]> stored = new ArrayList<>();

    KernelCase(Primitive prim, TensorType... types) {
        this.prim = prim;
        this.types = List.of(types);
        this.results = prim.infer(this.types);
    }

    /** Adds the value of the next operand. */
    KernelCase with(double... values) {
        var type = types.get(operands.size());
        assertEquals(type.size(), values.length, () -> "values for operand of " + type);
        var bytes = new byte[(int) type.byteSize()];
        for (int i = 0; i < values.length; i++) {
            Elements.set(MemorySegment.ofArray(bytes), type.dtype(), i, values[i]);
        }
        operands.add(bytes);
        stored.add(values(bytes, type));
        return this;
    }

    /** The stored value of operand {@code i}. */
    double[] operand(int i) {
        return stored.get(i);
    }

    boolean isServed() {
        return SETS.getFirst().kernel(prim, types, results).isPresent();
    }

    /** The only result. */
    double[] run() {
        return runAll(Map.of()).getFirst();
    }

    /** The results, where result key takes the storage of operand value. */
    List<double[]> runAll(Map<Integer, Integer> inPlace) {
        assertEquals(types.size(), operands.size(), "operands given");
        var expected = runOn(SETS.getFirst(), inPlace);
        for (var set : SETS.subList(1, SETS.size())) {
            var actual = runOn(set, inPlace);
            for (int i = 0; i < expected.size(); i++) {
                assertArrayEquals(
                        expected.get(i),
                        actual.get(i),
                        prim + ": result " + i + " depends on threads or on machine code");
            }
        }
        var values = new ArrayList<double[]>();
        for (int i = 0; i < expected.size(); i++) {
            values.add(values(expected.get(i), results.get(i)));
        }
        return values;
    }

    /** Twice with one kernel object, so that state left over from a run would show. */
    private List<byte[]> runOn(CpuKernels set, Map<Integer, Integer> inPlace) {
        var kernel = set.kernel(prim, types, results).orElseThrow(() -> new AssertionError("no kernel for " + prim));
        runOnce(kernel, inPlace);
        return runOnce(kernel, inPlace);
    }

    private List<byte[]> runOnce(Kernel kernel, Map<Integer, Integer> inPlace) {
        var slabs = new ArrayList<CpuBuffer>();
        var in = new Buffer[types.size()];
        for (int i = 0; i < in.length; i++) {
            in[i] = guarded(operands.get(i), slabs);
        }
        var out = new Buffer[results.size()];
        for (int i = 0; i < out.length; i++) {
            var garbage = new byte[(int) results.get(i).byteSize()];
            Arrays.fill(garbage, FILL);
            out[i] = inPlace.containsKey(i) ? in[inPlace.get(i)] : guarded(garbage, slabs);
        }
        kernel.run(in, out);
        for (int i = 0; i < in.length; i++) {
            if (!inPlace.containsValue(i)) {
                assertArrayEquals(operands.get(i), bytes(in[i]), prim + " wrote to operand " + i);
            }
        }
        var bytes = Arrays.stream(out).map(KernelCase::bytes).toList();
        for (var slab : slabs) {
            requireGuards(slab.segment());
            slab.close();
        }
        return bytes;
    }

    private static Buffer guarded(byte[] content, List<CpuBuffer> slabs) {
        var slab = MEMORY.allocate(content.length + 2 * GUARD);
        slab.segment().fill(FILL);
        slabs.add(slab);
        MemorySegment.copy(content, 0, slab.segment(), ValueLayout.JAVA_BYTE, GUARD, content.length);
        return MEMORY.view(slab, GUARD, content.length);
    }

    private void requireGuards(MemorySegment slab) {
        for (int i = 0; i < GUARD; i++) {
            boolean whole = slab.get(ValueLayout.JAVA_BYTE, i) == FILL
                    && slab.get(ValueLayout.JAVA_BYTE, slab.byteSize() - 1 - i) == FILL;
            assertTrue(whole, () -> prim + " wrote outside of its result");
        }
    }

    private static byte[] bytes(Buffer buffer) {
        return CpuBuffer.segment(buffer).toArray(ValueLayout.JAVA_BYTE);
    }

    private static double[] values(byte[] bytes, TensorType type) {
        var values = new double[(int) type.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = Elements.get(MemorySegment.ofArray(bytes), type.dtype(), i);
        }
        return values;
    }

    /** Normally distributed floats. */
    static double[] normal(long seed, int n) {
        var random = new Random(seed);
        var values = new double[n];
        Arrays.setAll(values, _ -> (float) random.nextGaussian());
        return values;
    }

    /** Normally distributed floats among zeros of both signs, subnormal, large, infinite and undefined numbers. */
    static double[] awkward(long seed, int n) {
        double[] special = {
            0.0,
            -0.0,
            Float.MIN_VALUE,
            -Float.MIN_NORMAL / 3,
            Float.MAX_VALUE,
            -Float.MAX_VALUE,
            Double.POSITIVE_INFINITY,
            Double.NEGATIVE_INFINITY,
            Double.NaN,
            1,
            -1,
            88.5,
            -87,
            1e-30,
            3e9,
            -3e9,
            0.5,
            2.5
        };
        var random = new Random(seed);
        var values = normal(seed, n);
        for (int i = 0; i < n; i++) {
            if (random.nextInt(3) == 0) {
                values[i] = (float) special[random.nextInt(special.length)];
            }
        }
        return values;
    }

    /** Integers in {@code low .. high-1}. */
    static double[] integers(long seed, int n, int low, int high) {
        return new Random(seed).ints(n, low, high).asDoubleStream().toArray();
    }

    /** Requires {@code |actual - expected| <= relative |expected| + absolute}, and equal NaNs and infinities. */
    static void assertClose(double[] expected, double[] actual, double relative, double absolute) {
        assertEquals(expected.length, actual.length, "element count");
        for (int i = 0; i < expected.length; i++) {
            double difference = Math.abs(expected[i] - actual[i]);
            boolean close = Double.compare(expected[i], actual[i]) == 0
                    || expected[i] == actual[i]
                    || Double.isFinite(difference) && difference <= relative * Math.abs(expected[i]) + absolute;
            int at = i;
            assertTrue(close, () -> "element " + at + ": expected " + expected[at] + ", got " + actual[at]);
        }
    }
}
