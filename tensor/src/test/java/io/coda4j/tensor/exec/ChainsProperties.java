package io.coda4j.tensor.exec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Legalizer;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.RandomProgram;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.UnaryOperator;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;

/** Running a program group by group, chains by what they say and not by their equations, changes no bit. */
class ChainsProperties {
    private static final Eager REFERENCE = new Eager(OpTable.reference());

    @Property(tries = 200)
    void groupsComputeWhatTheEquationsCompute(
            @ForAll @LongRange(min = 0, max = 1_000_000) long seed, @ForAll boolean onlyLong) {
        try (var _ = Scope.open()) {
            var program = Legalizer.legalise(RandomProgram.of(seed), (_, _) -> false);
            List<Tensor> args = List.copyOf(RandomProgram.arguments(seed));
            var expected = REFERENCE.run(() -> program.call(args));
            var got = run(
                    program,
                    Chains.of(
                            program,
                            equation -> !onlyLong
                                    || equation.out().getFirst().type().size() > 1),
                    args);
            for (int k = 0; k < expected.size(); k++) {
                assertArrayEquals(
                        ((Array) expected.get(k)).toDoubles(), ((Array) got.get(k)).toDoubles(), program::toString);
            }
        }
    }

    private static List<Tensor> run(Program program, List<Group> groups, List<Tensor> args) {
        Map<Tensor, Tensor> values = new IdentityHashMap<>();
        for (int i = 0; i < args.size(); i++) {
            values.put(program.params().get(i), args.get(i));
        }
        for (var group : groups) {
            var in = group.in().stream().map(tensor -> value(values, tensor)).toList();
            var out = group.chain()
                    .map(chain -> evaluate(chain, in, group.out().getFirst().shape()))
                    .orElseGet(() -> REFERENCE.apply(group.equation().prim(), in));
            for (int k = 0; k < out.size(); k++) {
                var symbol = group.out().get(k);
                var result = out.get(k);
                values.put(symbol, REFERENCE.run(() -> result.reshape(symbol.shape())));
            }
        }
        return program.results().stream().map(tensor -> value(values, tensor)).toList();
    }

    private static Tensor value(Map<Tensor, Tensor> values, Tensor tensor) {
        return tensor instanceof Array
                ? tensor
                : Objects.requireNonNull(values.get(tensor), "read before it is computed");
    }

    /** The results of a chain, from nothing but its description. */
    private static List<Tensor> evaluate(Chain chain, List<Tensor> in, Shape shape) {
        return REFERENCE.run(() -> {
            var values = new ArrayList<Tensor>();
            for (int i = 0; i < in.size(); i++) {
                var operand = chain.operands().get(i);
                assertEquals(operand.dtype(), in.get(i).dtype());
                values.add(
                        operand.repeated()
                                ? in.get(i).reshape().broadcast(shape, List.of())
                                : in.get(i).reshape(shape));
            }
            for (var link : chain.links()) {
                var from = link.in().stream().map(values::get).toList();
                values.add(
                        link.prim() instanceof Primitive.Full(var type, double value)
                                ? Tensor.full(new TensorType(type.dtype(), shape), value)
                                : REFERENCE.apply(link.prim(), from).getFirst());
                assertEquals(link.dtype(), values.getLast().dtype());
            }
            return chain.results().stream().map(values::get).toList();
        });
    }

    private static List<Group> groups(UnaryOperator<List<Tensor>> function, TensorType... types) {
        return Chains.of(Trace.of("f", function, List.of(types)), _ -> true);
    }

    @Example
    void aLineOfEquationsIsOneChainWithItsConstants() {
        var groups = groups(
                in -> List.of(in.getFirst().mul(2).add(1).exp().reshape(6).neg()), TensorType.f32(2, 3));
        assertEquals(
                1, groups.stream().filter(group -> group.chain().isPresent()).count());
        var chain = groups.getLast().chain().orElseThrow();
        assertEquals(List.of(new Chain.Operand(DType.F32, false)), chain.operands());
        assertEquals(6, chain.links().size());
        assertEquals(1, chain.results().size());
    }

    @Example
    void aScalarIsReadAtEveryIndex() {
        var groups = groups(
                in -> List.of(in.get(0).mul(in.get(1).broadcast(in.get(0).shape(), List.of()))),
                TensorType.f32(2, 3),
                TensorType.f32());
        assertEquals(1, groups.size());
        assertTrue(groups.getFirst().chain().orElseThrow().operands().get(1).repeated());
    }

    @Example
    void aValueThatIsReadInBetweenEndsTheChain() {
        // The sum needs exp(x), and the division needs the sum.
        var groups = groups(
                in -> {
                    var e = in.getFirst().neg().exp();
                    return List.of(
                            e.div(e.sum(0).broadcast(e.shape(), List.of(1))).neg());
                },
                TensorType.f32(4, 3));
        assertEquals(
                List.of(2, 1, 1, 2),
                groups.stream().map(group -> group.equations().size()).toList());
    }

    @Example
    void equalChainsOfOtherSizesAreEqual() {
        UnaryOperator<List<Tensor>> f = in -> List.of(in.getFirst().neg().exp());
        assertEquals(
                groups(f, TensorType.f32(5)).getLast().chain(),
                groups(f, TensorType.f32(2, 7)).getLast().chain());
    }
}
