package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.ShapeException;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Layout;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

/** Elementwise primitives composed at random give the same bits in one pass as one after the other. */
class ChainKernelProperties {
    /** Around vectors, blocks and pieces. */
    private static final int[] SIZES = {1, 3, 7, 8, 9, 17, 1023, 1024, 1025, 2 * 1024 + 5, 16_384, 16_384 + 1, 40_003};

    private static final DType[] TYPES = {DType.F16, DType.F32, DType.BF16, DType.I32, DType.BOOL, DType.F64};

    /** Added to random numbers. */
    private static final double[] SPECIAL = {0, 0, 0, 0, 0, 50, -90, 1e30, Double.NaN, Double.POSITIVE_INFINITY};

    private static final CpuDevice ONE = CpuDevice.withThreads(1);
    private static final CpuDevice THREE = CpuDevice.withThreads(3);

    @Property(tries = 120)
    void aChainGivesTheBitsOfItsLinks(@ForAll @LongRange(min = 0, max = 1_000_000) long seed) {
        var random = new Random(seed);
        int n = SIZES[random.nextInt(SIZES.length)];
        var types = new ArrayList<TensorType>();
        for (var dtype : TYPES) {
            types.add(new TensorType(dtype, Shape.of(n)));
            types.add(new TensorType(dtype, Shape.of(n)));
            types.add(new TensorType(dtype, Shape.of()));
        }
        var program = Trace.of("random", in -> compose(in, n, new Random(seed)), types);
        try (var _ = Scope.open()) {
            var expected = new Eager(ONE).run(() -> program.call(List.copyOf(arguments(types, seed, ONE))));
            for (var device : List.of(ONE, THREE)) {
                // Of donated arguments the storage is used again, so that results lie where operands do.
                for (var donated : List.of(Set.<Integer>of(), Set.of(0, 1, 3, 4, 6, 7, 9, 10))) {
                    check(program.donating(donated), expected, arguments(types, seed, device), device);
                }
            }
        }
    }

    private static void check(Program program, List<Tensor> expected, List<Array> arguments, CpuDevice device) {
        try (var executable = device.compile(program, Layout.DENSE)) {
            var got = executable.run(arguments);
            for (int k = 0; k < expected.size(); k++) {
                assertArrayEquals(
                        ((Array) expected.get(k)).toDoubles(), got.get(k).toDoubles(), program::toString);
            }
        }
    }

    private static List<Tensor> compose(List<Tensor> in, int n, Random random) {
        var values = new ArrayList<Tensor>();
        for (var tensor : in) {
            values.add(tensor.rank() == 0 ? tensor.broadcast(Shape.of(n), List.of()) : tensor);
        }
        int links = 2 + random.nextInt(20);
        while (values.size() < in.size() + links) {
            // Recent values more often, so that chains become long.
            int recent = random.nextInt(3) == 0 ? values.size() : Math.min(values.size(), 5);
            var x = values.get(values.size() - 1 - random.nextInt(recent));
            step(x, values, random, n).ifPresent(values::add);
        }
        return List.of(values.getLast(), values.get(values.size() - 2), values.get(in.size()));
    }

    private static Optional<Tensor> step(Tensor x, List<Tensor> values, Random random, int n) {
        var y = values.get(random.nextInt(values.size()));
        var same = values.stream().filter(v -> v.type().equals(x.type())).toList();
        var z = same.get(random.nextInt(same.size()));
        var full = Tensor.full(new TensorType(x.dtype(), Shape.of(n)), random.nextInt(2));
        return switch (random.nextInt(6)) {
            case 0 -> apply(new Primitive.Unary(pick(Primitive.UnaryOp.values(), random)), List.of(x));
            case 1 -> apply(new Primitive.Binary(pick(Primitive.BinaryOp.values(), random)), List.of(x, z));
            case 2 -> apply(new Primitive.Binary(pick(Primitive.BinaryOp.values(), random)), List.of(full, x));
            case 3 -> apply(new Primitive.Compare(pick(Primitive.CompareOp.values(), random)), List.of(x, z));
            case 4 -> apply(new Primitive.Select(), List.of(y, x, z));
            default -> apply(new Primitive.Convert(pick(TYPES, random)), List.of(x));
        };
    }

    private static <T> T pick(T[] values, Random random) {
        return values[random.nextInt(values.length)];
    }

    /** Empty where the primitive does not take these types. */
    private static Optional<Tensor> apply(Primitive prim, List<Tensor> in) {
        try {
            prim.infer(in.stream().map(Tensor::type).toList());
        } catch (ShapeException _) {
            return Optional.empty();
        }
        boolean dividesIntegers = prim instanceof Primitive.Binary(var op)
                && op == Primitive.BinaryOp.DIV
                && in.getFirst().dtype() == DType.I32;
        return dividesIntegers
                ? Optional.empty()
                : Optional.of(Interpreter.current().apply(prim, in).getFirst());
    }

    private static List<Array> arguments(List<TensorType> types, long seed, CpuDevice device) {
        var random = new Random(seed);
        var arguments = new ArrayList<Array>();
        for (var type : types) {
            var values = new double[Math.toIntExact(type.size())];
            for (int i = 0; i < values.length; i++) {
                values[i] = switch (type.dtype()) {
                    case BOOL -> random.nextInt(2);
                    case I8 -> random.nextInt(256) - 128;
                    case I32 -> random.nextInt(9) - 4;
                    case F32, F16, BF16, F64 -> SPECIAL[random.nextInt(SPECIAL.length)] + random.nextGaussian();
                };
            }
            arguments.add(Array.of(type, values).to(device));
        }
        return arguments;
    }
}
