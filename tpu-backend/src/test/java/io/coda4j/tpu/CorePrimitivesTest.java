package io.coda4j.tpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.Note;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.ProgramPrinter;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.testing.OpTable;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Compares the text of every core primitive with {@code core-primitives.txt}, which is meant to be read. */
class CorePrimitivesTest {
    private static final TensorType X = TensorType.f32(2, 3);
    private static final TensorType HALF = TensorType.of(DType.BF16, 2, 3);
    private static final TensorType INTS = TensorType.i32(2, 3);
    private static final TensorType BYTES = TensorType.of(DType.I8, 2, 3);
    private static final TensorType BOOLS = TensorType.of(DType.BOOL, 2, 3);
    private static final TensorType SCALAR = TensorType.i32();

    private record Case(Primitive.Core prim, List<TensorType> types) {}

    private final List<Case> cases = new ArrayList<>();

    private void add(Primitive.Core prim, TensorType... types) {
        cases.add(new Case(prim, List.of(types)));
    }

    private void elementwise() {
        add(new Primitive.Full(X, 0.1));
        add(new Primitive.Full(HALF, Double.NEGATIVE_INFINITY));
        add(new Primitive.Full(TensorType.f64(), 0.1));
        add(new Primitive.Full(INTS, -7));
        add(new Primitive.Full(BOOLS, 1));
        add(new Primitive.Full(TensorType.f32(0, 3), 1));
        add(new Primitive.Iota(X, 1));
        add(new Primitive.Iota(HALF, 1));
        for (var op : UnaryOp.values()) {
            add(new Primitive.Unary(op), op == UnaryOp.NOT ? BOOLS : X);
        }
        for (var op : BinaryOp.values()) {
            var type = op == BinaryOp.AND || op == BinaryOp.OR ? BOOLS : X;
            add(new Primitive.Binary(op), type, type);
        }
        add(new Primitive.Binary(BinaryOp.DIV), INTS, INTS);
        for (var op : CompareOp.values()) {
            add(new Primitive.Compare(op), X, X);
        }
        add(new Primitive.Compare(CompareOp.LT), INTS, INTS);
        add(new Primitive.Compare(CompareOp.EQ), BOOLS, BOOLS);
        add(new Primitive.Select(), BOOLS, X, X);
        add(new Primitive.Convert(DType.BF16), X);
        add(new Primitive.Convert(DType.F32), HALF);
        add(new Primitive.Convert(DType.F32), X);
        add(new Primitive.Convert(DType.F32), BOOLS);
        add(new Primitive.Convert(DType.I32), BOOLS);
        add(new Primitive.Convert(DType.I32), X);
        add(new Primitive.Convert(DType.BOOL), X);
        add(new Primitive.Convert(DType.I8), X);
        add(new Primitive.Convert(DType.I8), INTS);
        add(new Primitive.Convert(DType.F32), BYTES);
    }

    private void movement() {
        add(new Primitive.Reshape(Shape.of(6)), X);
        add(new Primitive.Transpose(List.of(1, 0)), X);
        add(new Primitive.Broadcast(Shape.of(4, 2, 3), List.of(1, 2)), X);
        add(new Primitive.Slice(List.of(0, 1), List.of(2, 3)), X);
        add(new Primitive.Pad(List.of(0, 1), List.of(2, 0)), X);
        add(new Primitive.Concat(1), X, TensorType.f32(2, 5));
        add(new Primitive.TakeRows(), TensorType.f32(7, 4), TensorType.i32(2, 3));
        add(new Primitive.DynamicSlice(1, 2), X, SCALAR);
        add(new Primitive.DynamicUpdateSlice(1), X, TensorType.f32(2, 1), SCALAR);
        add(new Primitive.Annotate(new Note.Barrier()), X);
        add(new Primitive.Annotate(new Note.Barrier()), X, SCALAR);
        add(new Primitive.Annotate(new Note.StopGradient()), X);
        add(new Primitive.Annotate(new Note.Sharding(List.of("fsdp", ""))), X);
    }

    private void sums() {
        for (var op : ReduceOp.values()) {
            add(new Primitive.Reduce(op, List.of(1)), X);
        }
        add(new Primitive.Reduce(ReduceOp.MAX, List.of(0, 1)), INTS);
        add(new Primitive.Reduce(ReduceOp.SUM, List.of(1)), HALF);
        var weight = TensorType.of(DType.BF16, 5, 3);
        add(new Primitive.Dot(List.of(), List.of(), List.of(1), List.of(1), DType.F32), HALF, weight);
        add(
                new Primitive.Dot(List.of(0), List.of(0), List.of(2), List.of(1), DType.F32),
                TensorType.f32(2, 3, 4),
                TensorType.f32(2, 4, 5));
        add(new Primitive.Dot(List.of(), List.of(), List.of(1), List.of(1), DType.I32), BYTES, BYTES);
        add(new Primitive.ScatterAddRows(7), TensorType.i32(2, 3), TensorType.f32(2, 3, 4));
        add(new Primitive.ScatterAddRows(7), TensorType.i32(5), TensorType.of(DType.BF16, 5));
    }

    private static String section(Case c) {
        var program = Trace.of("main", in -> Interpreter.current().apply(c.prim(), in), c.types());
        var module = StableHlo.print(program, Mesh.of("fsdp", 4));
        HloCheck.check(module);
        var operations = module.lines()
                .filter(line -> line.startsWith("    "))
                .map(line -> line.substring(4) + "\n")
                .collect(Collectors.joining());
        return ProgramPrinter.call(c.prim())
                + c.types().stream().map(type -> " " + type).collect(Collectors.joining()) + "\n"
                + operations.indent(2) + "\n";
    }

    @Test
    void everyCorePrimitiveIsWrittenAsInTheFile() throws IOException {
        elementwise();
        movement();
        sums();
        var expected = new String(
                CorePrimitivesTest.class
                        .getResourceAsStream("core-primitives.txt")
                        .readAllBytes(),
                StandardCharsets.UTF_8);
        var actual = cases.stream().map(CorePrimitivesTest::section).collect(Collectors.joining());
        // Beside the file, so that a change can be read as a difference before it is accepted.
        Files.writeString(Path.of("target", "core-primitives.txt"), actual);
        assertEquals(expected, actual);
        assertEquals(
                OpTable.leaves(Primitive.Core.class).collect(Collectors.toSet()),
                cases.stream().map(c -> c.prim().getClass()).collect(Collectors.toSet()));
    }
}
