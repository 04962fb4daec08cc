package io.coda4j.tpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Legalizer;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.testing.OpCase;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.RandomProgram;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class StableHloTableTest {
    private static final Mesh MESH = Mesh.of("data", 1);

    private static Program program(OpCase c) {
        return Trace.of(c.prim().mnemonic(), in -> Interpreter.current().apply(c.prim(), in), c.types());
    }

    @ParameterizedTest
    @EnumSource(
            value = DType.class,
            names = {"F16", "BF16", "F32", "F64"})
    void everyCaseGivesWellFormedTextAndAlwaysTheSame(DType real) {
        for (var c : real == DType.F16 ? OpTable.halves() : OpTable.cases(real)) {
            var text = StableHlo.print(program(c), MESH);
            HloCheck.check(text);
            assertEquals(text, StableHlo.print(program(c), MESH), c.name());
        }
    }

    @Test
    void theCasesUseEveryCorePrimitive() {
        Set<Class<?>> used = new HashSet<>();
        for (var c : OpTable.cases(DType.F32)) {
            Legalizer.legalise(program(c), (_, _) -> false).body().stream()
                    .map(Equation::prim)
                    .forEach(prim -> used.add(prim.getClass()));
        }
        assertEquals(OpTable.leaves(Primitive.Core.class).collect(Collectors.toSet()), used);
    }

    @Test
    void programsWithSharedDroppedAndDonatedValuesAreWellFormed() {
        LongStream.range(0, 100)
                .mapToObj(RandomProgram::of)
                .map(StableHlo::print)
                .forEach(HloCheck::check);
    }
}
