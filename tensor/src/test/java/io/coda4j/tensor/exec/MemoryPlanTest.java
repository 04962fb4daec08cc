package io.coda4j.tensor.exec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.exec.MemoryPlan.Place;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import org.junit.jupiter.api.Test;

class MemoryPlanTest {
    private static final TensorType KILO = TensorType.f32(256);

    private static Program program(Function<List<Tensor>, List<Tensor>> f, TensorType... types) {
        return Trace.of("p", f::apply, List.of(types));
    }

    private static MemoryPlan plan(Program program) {
        return MemoryPlan.of(program, Set.of());
    }

    @Test
    void chainOfElementwiseEquationsNeedsOneBlock() {
        var program = program(in -> List.of(in.get(0).exp().sin().neg().cos().sum(0)), KILO);
        assertEquals(1024, plan(program).temporaryBytes());
    }

    @Test
    void chainThatMovesElementsNeedsTwoBlocks() {
        var program = program(
                in -> List.of(in.get(0)
                        .transpose(1, 0)
                        .transpose(1, 0)
                        .transpose(1, 0)
                        .transpose(1, 0)
                        .sum(0)),
                TensorType.f32(16, 16));
        assertEquals(2048, plan(program).temporaryBytes());
    }

    @Test
    void argumentIsNotOverwrittenUnlessDonated() {
        var program = program(in -> List.of(in.get(0).exp()), KILO);
        assertInstanceOf(
                Place.Result.class, plan(program).place(program.results().getFirst()));
        var donating = program.donating(Set.of(0));
        assertEquals(
                new Place.Argument(0), plan(donating).place(donating.results().getFirst()));
        assertEquals(0, plan(donating).donation(0));
    }

    @Test
    void donatedArgumentStaysWhileItIsNeeded() {
        // x is read after y exists, so y cannot take its place.
        var program = program(
                        in -> {
                            var y = in.get(0).transpose(1, 0);
                            return List.of(y, y.add(in.get(0)).sum(0, 1));
                        },
                        TensorType.f32(16, 16))
                .donating(Set.of(0));
        assertNull(plan(program).donation(0));
    }

    @Test
    void cacheUpdateIsInPlaceOfTheDonatedCache() {
        var program = program(
                        in -> List.of(in.get(0).reshape(8, 4).dynamicUpdateSlice(0, in.get(1), in.get(2))),
                        TensorType.f32(32),
                        TensorType.f32(2, 4),
                        TensorType.i32())
                .donating(Set.of(0));
        // The types differ by a reshape; equal types are what a step that carries its state has.
        assertNull(plan(program).donation(0));
        var same = program(
                        in -> List.of(in.get(0).dynamicUpdateSlice(0, in.get(1), in.get(2))),
                        TensorType.f32(8, 4),
                        TensorType.f32(2, 4),
                        TensorType.i32())
                .donating(Set.of(0));
        assertEquals(0, plan(same).donation(0));
        assertEquals(0, plan(same).temporaryBytes());
        assertEquals(List.of(), plan(same).copiedResults());
    }

    @Test
    void optimizerUpdatesStateInPlace() {
        var prim = new Primitive.AdamW(0.9, 0.95, 1e-8);
        var scalar = TensorType.f32();
        var program = program(
                        in -> Tensor.apply(prim, in.toArray(Tensor[]::new)),
                        KILO,
                        KILO,
                        KILO,
                        KILO,
                        scalar,
                        scalar,
                        scalar,
                        scalar)
                .donating(Set.of(0, 1, 2));
        for (int k = 0; k < 3; k++) {
            assertEquals(k, plan(program).donation(k));
            assertEquals(
                    new Place.Argument(k), plan(program).place(program.results().get(k)));
        }
    }

    @Test
    void resultThatIsADonatedParameterKeepsItsStorage() {
        var program =
                program(in -> List.of(in.get(1), in.get(0).exp()), KILO, KILO).donating(Set.of(0, 1));
        assertEquals(1, plan(program).donation(0));
        assertEquals(0, plan(program).donation(1));
        assertEquals(List.of(), plan(program).copiedResults());
    }

    @Test
    void parameterReturnedWithoutDonationIsCopied() {
        var program = program(in -> List.of(in.get(0), in.get(0).reshape(16, 16)), KILO);
        assertEquals(List.of(0, 1), plan(program).copiedResults());
    }

    @Test
    void valueReturnedTwiceIsComputedOnceAndCopied() {
        var program = program(
                in -> {
                    var y = in.get(0).exp();
                    return List.of(y, y);
                },
                KILO);
        assertEquals(List.of(1), plan(program).copiedResults());
    }

    @Test
    void whatDependsOnFrozenParametersAloneRunsOnce() {
        var program = program(
                in -> List.of(
                        in.get(0).mul(in.get(1).exp()), in.get(0).mul(in.get(0).like(2))),
                KILO,
                KILO);
        var plan = MemoryPlan.of(program, Set.of(1));
        var once = program.body().stream()
                .filter(plan::runsOnce)
                .map(equation -> equation.prim().mnemonic())
                .toList();
        assertEquals(List.of("exp", "full"), once);
        assertEquals(2048, plan.persistentBytes());
        assertEquals(
                List.of("full"),
                program.body().stream()
                        .filter(plan(program)::runsOnce)
                        .map(equation -> equation.prim().mnemonic())
                        .toList());
    }

    @Test
    void narrowerResultGetsItsOwnPlace() {
        var program = program(
                in -> List.of(
                        in.get(0).exp().convert(DType.BF16).convert(DType.F32).sum(0)),
                KILO);
        var plan = plan(program);
        var exp = plan.place(program.body().get(0).out().getFirst());
        var narrow = plan.place(program.body().get(1).out().getFirst());
        assertNotEquals(exp, narrow);
        assertEquals(1024 + 512, plan.temporaryBytes());
    }
}
