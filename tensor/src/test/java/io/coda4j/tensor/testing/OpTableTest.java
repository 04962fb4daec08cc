package io.coda4j.tensor.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class OpTableTest {
    @Test
    void everyPrimitiveHasACase() {
        var present = OpTable.cases(DType.F32).stream()
                .map(c -> c.prim().getClass().getName())
                .collect(Collectors.toCollection(TreeSet::new));
        assertEquals(
                OpTable.leaves(Primitive.class).map(Class::getName).collect(Collectors.toCollection(TreeSet::new)),
                present);
    }

    @Test
    void everyNoteHasACase() {
        var present = OpTable.cases(DType.F32).stream()
                .filter(c -> c.prim() instanceof Primitive.Annotate)
                .map(c -> ((Primitive.Annotate) c.prim()).note().getClass().getName())
                .collect(Collectors.toSet());
        assertEquals(OpTable.leaves(Primitive.Note.class).map(Class::getName).collect(Collectors.toSet()), present);
    }

    /** Walks the enum-typed parameters of all primitives, so that an operation added to any enum is asked for. */
    @Test
    void everyEnumConstantOfEveryParameterHasACase() {
        for (var type : OpTable.leaves(Primitive.class).toList()) {
            for (var component : type.getRecordComponents()) {
                if (component.getType().isEnum()) {
                    assertEquals(constants(type, component), used(type, component), type.getSimpleName());
                }
            }
        }
    }

    private static Set<Object> constants(Class<?> type, RecordComponent component) {
        var all = new HashSet<Object>(Arrays.asList(component.getType().getEnumConstants()));
        if (type == Primitive.Dot.class) {
            // The sum's type follows from the operands': the other element types are not allowed.
            all.removeAll(Set.of(DType.BOOL, DType.I8, DType.F16, DType.BF16));
        }
        return all;
    }

    private static Set<Object> used(Class<?> type, RecordComponent component) {
        return Stream.of(DType.F32, DType.F16, DType.BF16, DType.F64)
                .flatMap(real -> OpTable.cases(real).stream())
                .map(OpCase::prim)
                .filter(type::isInstance)
                .map(prim -> value(component, prim))
                .collect(Collectors.toSet());
    }

    private static Object value(RecordComponent component, Primitive prim) {
        try {
            return component.getAccessor().invoke(prim);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void everyPrimitiveWithAGradientHasASmoothCase() {
        var smooth = OpTable.cases(DType.F64).stream()
                .filter(c -> c.smooth() && c.types().stream().anyMatch(type -> type.size() > 1))
                .map(c -> c.prim().getClass())
                .collect(Collectors.toSet());
        var missing = OpTable.leaves(Primitive.class)
                .filter(type -> !smooth.contains(type))
                .collect(Collectors.toSet());
        assertEquals(Set.of(Primitive.Full.class, Primitive.Iota.class), missing);
    }

    @Test
    void theSampleOfHalvesHasEveryPrimitive() {
        var present = OpTable.halves().stream().map(c -> c.prim().getClass()).collect(Collectors.toSet());
        var missing = OpTable.leaves(Primitive.class)
                .filter(type -> !present.contains(type))
                .collect(Collectors.toSet());
        assertEquals(Set.of(), missing);
    }

    @Test
    void casesAreValidAndTheirValuesRepeatable() {
        for (var real : new DType[] {DType.F32, DType.F16, DType.BF16, DType.F64}) {
            for (var c : OpTable.cases(real)) {
                assertTrue(!c.results().isEmpty(), c.name());
                var inputs = c.inputs(3);
                assertEquals(
                        c.types(), inputs.stream().map(array -> array.type()).toList(), c.name());
            }
        }
        var c = OpTable.cases(DType.F32).get(20);
        assertEquals(
                Arrays.toString(c.inputs(3).getFirst().toDoubles()),
                Arrays.toString(c.inputs(3).getFirst().toDoubles()));
    }
}
