package io.coda4j.autograd;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.Comparison;
import io.coda4j.tensor.testing.OpCase;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.Tolerance;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The rule of every primitive, on the cases of the table in F64 on the reference device. */
class GradientTableTest {
    /** Balances the error of the difference quotient, step^2, against rounding, 2^-52 / step. */
    private static final double STEP = 1e-5;

    private static final Eager EAGER = new Eager(OpTable.reference());

    private static Stream<DynamicTest> tests(Predicate<OpCase> filter, Consumer<OpCase> test) {
        var groups = new LinkedHashMap<String, List<OpCase>>();
        OpTable.cases(DType.F64).stream()
                .filter(OpCase::smooth)
                .filter(filter)
                .forEach(c -> groups.computeIfAbsent(c.prim().mnemonic(), _ -> new ArrayList<>())
                        .add(c));
        return groups.entrySet().stream()
                .map(group -> DynamicTest.dynamicTest(
                        group.getKey(),
                        () -> Assertions.assertAll(group.getValue().stream().map(c -> () -> {
                            try (var _ = Scope.open()) {
                                test.accept(c);
                            }
                        }))));
    }

    /** For y = f(x), random cotangents c and a random direction d: sum of gradient * d is the slope of c * f(x + t d). */
    @TestFactory
    Stream<DynamicTest> gradientIsTheSlopeInARandomDirection() {
        return tests(_ -> true, c -> {
            var random = new Random(7);
            var inputs = c.inputs(7);
            var cotangents = cotangents(c, random);
            var directions = inputs.stream().map(in -> normal(in, random)).toList();
            var gradients = gradients(c, tensors(inputs), cotangents);
            double expected =
                    (value(c, inputs, directions, STEP, cotangents) - value(c, inputs, directions, -STEP, cotangents))
                            / (2 * STEP);
            double got = 0;
            double terms = 1;
            for (int i : c.differentiable()) {
                assertEquals(inputs.get(i).type(), gradients.get(i).type(), c.name());
                var gradient = ((Array) gradients.get(i)).toDoubles();
                for (int k = 0; k < gradient.length; k++) {
                    got += gradient[k] * directions.get(i)[k];
                    terms += Math.abs(gradient[k] * directions.get(i)[k]);
                }
            }
            double difference = Math.abs(expected - got);
            assertTrue(
                    difference <= 1e-7 * terms,
                    c.name() + ": the slope is " + expected + ", the gradient says " + got + ", difference "
                            + difference + " of terms " + terms);
        });
    }

    @TestFactory
    Stream<DynamicTest> tracedGradientIsTheEagerOne() {
        return tests(_ -> true, c -> {
            var inputs = c.inputs(8);
            var cotangents = cotangents(c, new Random(8));
            var program = Trace.of(
                    "gradient of " + c.prim().mnemonic(), in -> gradients(c, in, asTensors(cotangents)), c.types());
            try (var executable = OpTable.reference().compile(program, Layout.DENSE)) {
                var traced = executable.run(inputs);
                var eager = gradients(c, tensors(inputs), cotangents);
                for (int i = 0; i < inputs.size(); i++) {
                    Comparison.check(c.name(), (Array) eager.get(i), traced.get(i), Tolerance.EXACT);
                }
            }
        });
    }

    @TestFactory
    Stream<DynamicTest> fusedRuleIsTheGradientOfTheMeaning() {
        return tests(c -> c.prim() instanceof Primitive.Fused, c -> {
            var fused = (Primitive.Fused) c.prim();
            var inputs = tensors(c.inputs(9));
            var cotangents = firstOnly(cotangents(c, new Random(9)));
            EAGER.run(() -> {
                var out = EAGER.apply(fused, inputs);
                var rule = Vjp.rule(fused, inputs, out, cotangents);
                var meaning = Vjp.throughMeaning(fused, inputs, cotangents);
                for (int i : c.differentiable()) {
                    var got = rule.get(i) == null ? inputs.get(i).like(0) : rule.get(i);
                    var tolerance = Tolerance.of(DType.F64, 100 * Math.max(2, c.terms()));
                    Comparison.check(c.name() + ", operand " + i, (Array) meaning.get(i), (Array) got, tolerance);
                }
                return null;
            });
        });
    }

    @TestFactory
    Stream<DynamicTest> checkpointedGradientIsTheGradient() {
        return tests(_ -> true, c -> {
            var inputs = tensors(c.inputs(10));
            var cotangents = cotangents(c, new Random(10));
            var plain = gradients(c, inputs, cotangents);
            var checkpointed = EAGER.run(() -> Autograd.vjp(
                    in -> Autograd.checkpointAll(x -> Tensor.apply(c.prim(), x.toArray(Tensor[]::new)), in),
                    inputs,
                    cotangents));
            for (int i = 0; i < inputs.size(); i++) {
                Comparison.check(c.name(), (Array) plain.get(i), (Array) checkpointed.get(i), Tolerance.EXACT);
            }
        });
    }

    /** Under the current interpreter if it is a trace, else on the reference device. */
    private static List<Tensor> gradients(OpCase c, List<Tensor> in, List<? extends @Nullable Tensor> cotangents) {
        boolean tracing = Interpreter.CURRENT.isBound();
        return tracing ? vjp(c, in, cotangents) : EAGER.run(() -> vjp(c, in, cotangents));
    }

    private static List<Tensor> vjp(OpCase c, List<Tensor> in, List<? extends @Nullable Tensor> cotangents) {
        return Autograd.vjp(x -> Tensor.apply(c.prim(), x.toArray(Tensor[]::new)), in, cotangents);
    }

    private static List<Tensor> tensors(List<Array> arrays) {
        return List.copyOf(arrays);
    }

    private static List<@Nullable Tensor> asTensors(List<? extends @Nullable Tensor> tensors) {
        return new ArrayList<>(tensors);
    }

    /** Random cotangents for the floating-point results, null for the others. */
    private static List<@Nullable Tensor> cotangents(OpCase c, Random random) {
        var cotangents = new ArrayList<@Nullable Tensor>();
        for (var type : c.results()) {
            cotangents.add(type.dtype().isFloat() ? reference(type, normal(type, random)) : null);
        }
        return cotangents;
    }

    /** Only the first cotangent, for which the fused gradients exist. */
    private static List<@Nullable Tensor> firstOnly(List<@Nullable Tensor> cotangents) {
        var first = new ArrayList<@Nullable Tensor>(Collections.nCopies(cotangents.size(), null));
        first.set(0, cotangents.getFirst());
        return first;
    }

    private static double[] normal(Tensor like, Random random) {
        return normal(like.type(), random);
    }

    private static double[] normal(TensorType type, Random random) {
        return random.doubles(type.size()).map(_ -> random.nextGaussian()).toArray();
    }

    private static Array reference(TensorType type, double[] values) {
        return Array.of(type, values).to(OpTable.reference());
    }

    /** The sum over all results of cotangent times result, at the inputs moved by {@code step} in the directions. */
    private static double value(
            OpCase c, List<Array> inputs, List<double[]> directions, double step, List<@Nullable Tensor> cotangents) {
        var moved = new ArrayList<Tensor>(inputs);
        for (int i : c.differentiable()) {
            var values = inputs.get(i).toDoubles();
            var direction = directions.get(i);
            for (int k = 0; k < values.length; k++) {
                values[k] += step * direction[k];
            }
            moved.set(i, reference(inputs.get(i).type(), values));
        }
        var results = EAGER.apply(c.prim(), moved);
        double sum = 0;
        for (int k = 0; k < results.size(); k++) {
            if (cotangents.get(k) != null) {
                var weights = ((Array) cotangents.get(k)).toDoubles();
                var values = ((Array) results.get(k)).toDoubles();
                for (int i = 0; i < values.length; i++) {
                    sum += weights[i] * values[i];
                }
            }
        }
        return sum;
    }
}
