package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.x86.MachineKernels;
import io.coda4j.tensor.cpu.x86.TileProduct;
import io.coda4j.tensor.cpu.x86.VectorLoops;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.testing.Requirement;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Machine code for F32 and the Vector API give the same bits, wherever one stands in for the other. */
class MacroKernelTest {
    private static final Supplier<Optional<TileProduct>> VECTOR = Optional::empty;

    /** The vector kernels are what runs otherwise: tests of this package that need no machine code have seen them then. */
    @BeforeEach
    void machineCodeMustRunHere() {
        Requirement.require(
                "f32-code",
                machine().isPresent()
                        ? Optional.empty()
                        : Optional.of("no machine code for F32 runs here: "
                                + MachineKernels.ofProcess().f32Kernels(MicroKernel.NR)));
    }

    private static Optional<TileProduct> machine() {
        return MachineKernels.ofProcess().f32(MicroKernel.NR);
    }

    /** Loops take the place of other passes of attention than products. */
    private static Optional<VectorLoops> loops() {
        return MachineKernels.ofProcess().loops(Lanes.COUNT);
    }

    private static List<float[]> run(
            Supplier<Optional<TileProduct>> f32,
            int threads,
            Primitive prim,
            List<TensorType> in,
            Set<Integer> frozen) {
        var out = prim.infer(in);
        try (var device = CpuDevice.reference();
                var parallel = new Parallel(threads);
                var memory = new CpuMemory(device)) {
            var kernel = new CpuKernels(parallel, memory, f32, f32 == VECTOR ? Optional::empty : MacroKernelTest::loops)
                    .kernel(prim, in, out, frozen)
                    .orElseThrow();
            var from = new Buffer[in.size()];
            for (int i = 0; i < from.length; i++) {
                from[i] = in.get(i).dtype() == DType.I32
                        ? device.upload(
                                in.get(i),
                                MemorySegment.ofArray(new int[(int) in.get(i).size()]))
                        : MatmulCase.upload(device, in.get(i), MatmulCase.values(in.get(i), i));
            }
            var to = new Buffer[out.size()];
            for (int i = 0; i < to.length; i++) {
                to[i] = MatmulCase.upload(
                        device, out.get(i), new float[(int) out.get(i).size()]);
            }
            kernel.run(from, to);
            var results = new ArrayList<float[]>();
            for (int i = 0; i < to.length; i++) {
                results.add(MatmulCase.download(out.get(i), to[i]));
            }
            for (var buffer : from) {
                buffer.close();
            }
            for (var buffer : to) {
                buffer.close();
            }
            return results;
        }
    }

    private static void check(Primitive prim, List<TensorType> in, Set<Integer> frozen) {
        var expected = run(VECTOR, 1, prim, in, frozen);
        for (int threads : new int[] {1, 3}) {
            var got = run(MacroKernelTest::machine, threads, prim, in, frozen);
            for (int i = 0; i < got.size(); i++) {
                assertArrayEquals(expected.get(i), got.get(i), prim + " of " + in + " on " + threads + " threads");
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"NT", "NN", "TN", "TT"})
    void productsHaveTheSameBits(String form) {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (int m : new int[] {5, 6, 7, 61, 250}) {
                for (int n : new int[] {5, 16, 67, 530}) {
                    for (int k : new int[] {1, 40, 300}) {
                        var test = MatmulCase.matrices(form, dtype, m, n, k);
                        check(test.dot(), List.of(test.lhs(), test.rhs()), Set.of());
                    }
                }
            }
        }
        // On both sides of the distance up to which left rows are read in place.
        for (int m : new int[] {512, 513}) {
            for (int k : new int[] {512, 513}) {
                var test = MatmulCase.matrices(form, DType.F32, m, 40, k);
                check(test.dot(), List.of(test.lhs(), test.rhs()), Set.of());
            }
        }
        // Far rows, which lie in the same sets of the cache or not.
        for (int k : new int[] {1024, 1088, 1984, 2044}) {
            var test = MatmulCase.matrices(form, DType.F32, 13, 40, k);
            check(test.dot(), List.of(test.lhs(), test.rhs()), Set.of());
        }
        var deep = MatmulCase.matrices(form, DType.F32, 13, 40, 2 * 16 * MicroKernel.KC + 5);
        check(deep.dot(), List.of(deep.lhs(), deep.rhs()), Set.of());
    }

    /** On either side: pairs of them and one that is left, in calls of all or of some rows, with a rest of a vector or none. */
    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "BF16"})
    void productsOfFewRowsHaveTheSameBits(DType dtype) {
        for (int few : new int[] {1, 2, 3, MatmulDots.MAX_FEW}) {
            for (int many : new int[] {9, 10, 67, 300}) {
                for (int k : new int[] {3, 1024, 2059, LoopCall.MAX_ELEMENTS + 1}) {
                    for (var test : List.of(
                            MatmulCase.matrices("NT", dtype, few, many, k),
                            MatmulCase.matrices("NT", dtype, many, few, k))) {
                        check(test.dot(), List.of(test.lhs(), test.rhs()), Set.of());
                    }
                }
            }
        }
        var batches = List.of(0);
        var depth = List.of(2);
        var batch = MatmulCase.of(
                batches, batches, depth, depth, TensorType.of(dtype, 3, 3, 700), TensorType.of(dtype, 3, 41, 700));
        check(batch.dot(), List.of(batch.lhs(), batch.rhs()), Set.of());
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F32", "BF16"})
    void productsWithFrozenWeightsHaveTheSameBits(DType dtype) {
        for (int m : new int[] {4, 5, 7, 8, 33, 2 * MatmulWorkspace.MAX_ROWS + 1}) {
            for (int n : new int[] {1, 16, 67, 1103}) {
                var test = MatmulCase.matrices("NT", dtype, m, n, 2 * MicroKernel.KC + 3);
                check(test.dot(), List.of(test.lhs(), test.rhs()), Set.of(1));
            }
        }
    }

    @ParameterizedTest
    @EnumSource(AttentionMask.class)
    void attentionHasTheSameBits(AttentionMask mask) {
        for (var dtype : List.of(DType.F32, DType.BF16)) {
            for (int length : new int[] {1, 7, 64, 300}) {
                for (int size : new int[] {16, 24, 128}) {
                    var q = TensorType.of(dtype, 2, length, 4, size);
                    var k = TensorType.of(dtype, 2, length, 2, size);
                    var segments = TensorType.of(DType.I32, 2, length);
                    var in = List.of(q, k, k, segments, segments, TensorType.of(DType.I32));
                    var attention = new Primitive.Attention(0.3, mask);
                    check(attention, in, Set.of());
                    var all = new ArrayList<>(in);
                    all.addAll(attention.infer(in));
                    all.add(q);
                    check(new Primitive.AttentionGrad(0.3, mask), all, Set.of());
                }
            }
        }
    }

    @Test
    void rowsWithoutNeighboursHaveTheBitsThatTheyHaveAmongOthers() {
        var all = MatmulCase.matrices("NT", DType.F32, 33, 100, 300);
        float[] many = run(MacroKernelTest::machine, 1, all.dot(), List.of(all.lhs(), all.rhs()), Set.of(1))
                .getFirst();
        for (int rows = PackedMatmul.LEAST; rows < 33; rows++) {
            var some = MatmulCase.matrices("NT", DType.F32, rows, 100, 300);
            float[] few = run(MacroKernelTest::machine, 1, some.dot(), List.of(some.lhs(), some.rhs()), Set.of(1))
                    .getFirst();
            assertArrayEquals(java.util.Arrays.copyOf(many, few.length), few, rows + " rows");
        }
    }
}
