package io.coda4j.tensor.testing;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Note;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Programs in which values are used, dropped, aliased, donated and returned in every way, for testing what executes
 * them. Most values are F32 [4,6] and all stay of moderate size.
 */
public final class RandomProgram {
    private static final Shape MATRIX = Shape.of(4, 6);
    private static final TensorType F32_MATRIX = new TensorType(DType.F32, MATRIX);
    private static final List<TensorType> PARAMETERS =
            List.of(F32_MATRIX, F32_MATRIX, F32_MATRIX, TensorType.f32(6), TensorType.i32(4), TensorType.i32());

    private final Random random;
    private final List<Tensor> params;
    private final List<Tensor> matrices = new ArrayList<>();

    private RandomProgram(Random random, List<Tensor> params) {
        this.random = random;
        this.params = params;
        matrices.addAll(params.subList(0, 3));
    }

    /** The program number {@code seed}, with random parameters donated. */
    public static Program of(long seed) {
        var random = new Random(seed);
        int steps = 1 + random.nextInt(25);
        var program = Trace.of("random" + seed, params -> new RandomProgram(random, params).build(steps), PARAMETERS);
        Set<Integer> donated = new HashSet<>();
        IntStream.range(0, PARAMETERS.size()).filter(_ -> random.nextBoolean()).forEach(donated::add);
        return program.donating(donated);
    }

    /** Arguments for any of the programs. */
    public static List<Array> arguments(long seed) {
        var random = new Random(seed);
        var arguments = new ArrayList<Array>();
        for (var type : PARAMETERS) {
            var domain = type.dtype() == DType.F32 ? new Domain.Normal() : new Domain.Whole(0, 3);
            arguments.add(Array.of(type, domain.values(type, random)));
        }
        return arguments;
    }

    private List<Tensor> build(int steps) {
        for (int i = 0; i < steps; i++) {
            matrices.addAll(step());
        }
        var results = new ArrayList<Tensor>();
        int count = 1 + random.nextInt(4);
        for (int i = 0; i < count; i++) {
            var result = random.nextBoolean() ? matrices.getLast() : matrix();
            results.add(random.nextInt(4) == 0 ? result.reshape(3, 8) : result);
        }
        if (random.nextInt(4) == 0) {
            results.add(params.get(3 + random.nextInt(3)));
        }
        return results;
    }

    private Tensor matrix() {
        // The newest values more often, so that chains form.
        int back = Math.min(random.nextInt(matrices.size()), random.nextInt(matrices.size()));
        return matrices.get(matrices.size() - 1 - back);
    }

    private List<Tensor> step() {
        var x = matrix();
        var y = matrix();
        var start = params.get(5);
        return switch (random.nextInt(24)) {
            case 0 -> List.of(x.neg());
            case 1 -> List.of(x.sin());
            case 2 -> List.of(x.logistic());
            case 3 -> List.of(x.add(y).mul(0.5));
            case 4 -> List.of(x.sub(y).mul(0.5));
            case 5 -> List.of(x.max(y));
            case 6 -> List.of(x.mul(y).logistic());
            case 7 -> List.of(x.reshape(24).neg().reshape(MATRIX));
            case 8 -> List.of(x.transpose(1, 0).logistic().transpose(1, 0));
            case 9 -> List.of(x.mean(1).expand(MATRIX, List.of(1)));
            case 10 -> List.of(Tensor.concat(0, List.of(x.slice(0, 2, 4), y.slice(0, 0, 2))));
            case 11 -> List.of(x.slice(0, 1, 3).pad(0, 1, 1));
            case 12 -> List.of(x.dynamicUpdateSlice(0, y.slice(0, 0, 2), start));
            case 13 -> List.of(Tensor.concat(0, List.of(x.dynamicSlice(0, 2, start), y.dynamicSlice(0, 2, start))));
            case 14 -> List.of(x.then(new Primitive.RmsNorm(1e-6), params.get(3)));
            case 15 -> List.of(x.then(new Primitive.SwiGlu(), y).sin());
            case 16 ->
                Tensor.apply(new Primitive.SwiGluGrad(), x, y, matrix()).stream()
                        .map(Tensor::sin)
                        .toList();
            case 17 -> adamW(x, y);
            case 18 -> Tensor.apply(new Primitive.Annotate(new Note.Barrier()), x, y);
            case 19 -> List.of(x.convert(DType.BF16).convert(DType.F32));
            case 20 -> List.of(x.lt(y).select(x, matrix()));
            case 21 ->
                List.of(
                        x.takeRows(params.get(4)),
                        params.get(4).scatterAddRows(4, y).mul(0.25));
            case 22 -> List.of(x.matmul(y.transpose(1, 0)).matmul(matrix()).logistic());
            default ->
                List.of(
                        x.argMax().oneHot(6, DType.F32),
                        x.stopGradient(),
                        x.like(0.5).add(Tensor.iota(F32_MATRIX, 1).mul(0.1)));
        };
    }

    private List<Tensor> adamW(Tensor x, Tensor y) {
        var scalars = Stream.of(0.1, 0.01, 1.5, 1.25).map(v -> Tensor.full(TensorType.f32(), v));
        return Tensor.apply(
                new Primitive.AdamW(0.9, 0.95, 1),
                Stream.concat(Stream.of(x, y, matrix().logistic(), matrix()), scalars)
                        .toArray(Tensor[]::new));
    }
}
