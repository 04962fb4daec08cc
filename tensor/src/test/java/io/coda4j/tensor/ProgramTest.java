package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Primitive.UnaryOp;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class ProgramTest {
    private static final TensorType ROW = TensorType.f32(4);
    private static final Primitive.Unary EXP = new Primitive.Unary(UnaryOp.EXP);

    private static Program trace(UnaryOperator<List<Tensor>> f, TensorType... types) {
        return Trace.of("p", f, List.of(types));
    }

    private static String message(Class<? extends RuntimeException> type, Executable body) {
        return assertThrows(type, body).getMessage();
    }

    private static List<String> mnemonics(Program program) {
        return program.body().stream()
                .map(equation -> equation.prim().mnemonic())
                .toList();
    }

    /** One of each kind of parameter, operand and result that can be printed. */
    private static List<Tensor> everything(List<Tensor> in) {
        var x = in.get(0);
        var ids = in.get(1);
        var constant = Array.of(Shape.of(3), 0.5f, -1, 2);
        var big = Array.of(Shape.of(9), new float[9]);
        var y = x.mul(constant).exp().add(1).reduceMax(1);
        var bits = x.lt(x.like(0)).not();
        var z = bits.select(x, x.convert(DType.BF16).convert(DType.F32));
        var heads = z.reshape(1, 2, 1, 3).broadcast(Shape.of(1, 2, 2, 3), List.of(0, 1, 2, 3));
        var segments = ids.slice(0, 0, 2).reshape(1, 2);
        var attention = Tensor.apply(
                new Primitive.Attention(0.5, AttentionMask.CAUSAL), heads, heads, heads, segments, segments, in.get(2));
        var noted = Tensor.apply(
                new Primitive.Annotate(new Primitive.Note.Barrier()),
                y.stopGradient(),
                z.annotate(new Primitive.Note.Sharding(List.of("data", ""))));
        var product = z.linear(noted.get(1)).transpose(1, 0).pad(0, 1, 0);
        var table = product.takeRows(ids).sum(0).then(new Primitive.RmsNorm(1e-6), Tensor.full(TensorType.f32(2), 1));
        return List.of(noted.get(0), attention.get(1), table, big, x);
    }

    @Test
    void printsAsTheGoldenText() throws IOException {
        var program = Trace.of(
                        "everything",
                        ProgramTest::everything,
                        List.of(TensorType.f32(2, 3), TensorType.i32(4), TensorType.i32()))
                .donating(Set.of(0));
        try (var golden = ProgramTest.class.getResourceAsStream("everything.program")) {
            assertNotNull(golden);
            assertEquals(new String(golden.readAllBytes(), StandardCharsets.UTF_8), program.toString());
        }
    }

    @Test
    void equationMayNotUseAVariableBeforeItsDefinition() {
        var x = new Symbol(ROW);
        var y = new Symbol(ROW);
        var z = new Symbol(ROW);
        var message = message(
                IllegalArgumentException.class,
                () -> new Program(
                        "p",
                        List.of(x),
                        List.of(new Equation(EXP, List.of(y), List.of(z)), new Equation(EXP, List.of(x), List.of(y))),
                        List.of(z),
                        Set.of()));
        assertTrue(message.contains("program p: exp uses a traced f32[4] that this program does not define"), message);
    }

    @Test
    void resultMustBeDefined() {
        var message = message(
                IllegalArgumentException.class,
                () -> new Program("p", List.of(), List.of(), List.of(new Symbol(ROW)), Set.of()));
        assertTrue(message.contains("return uses a traced f32[4]"), message);
        assertTrue(message.contains("belongs to another trace"), message);
    }

    @Test
    void variableMayNotBeDefinedTwice() {
        var x = new Symbol(ROW);
        var twice = List.of(new Equation(EXP, List.of(x), List.of(x)));
        assertTrue(
                message(IllegalArgumentException.class, () -> new Program("p", List.of(x), twice, List.of(x), Set.of()))
                        .contains("program p: a variable of type f32[4] is defined twice"));
        assertTrue(message(
                        IllegalArgumentException.class,
                        () -> new Program("p", List.of(x, x), List.of(), List.of(x), Set.of()))
                .contains("is defined twice"));
    }

    @Test
    void resultTypesMustBeTheInferredOnes() {
        var x = new Symbol(ROW);
        var wrong = new Equation(EXP, List.of(x), List.of(new Symbol(TensorType.f32(5))));
        var message = message(
                IllegalArgumentException.class,
                () -> new Program("p", List.of(x), List.of(wrong), List.of(x), Set.of()));
        assertEquals("program p: exp infers [f32[4]] but defines [traced f32[5]]", message);
    }

    @Test
    void donatedIndicesMustBeParameters() {
        var program = trace(in -> List.of(in.getFirst().exp()), ROW);
        var message = message(IllegalArgumentException.class, () -> program.donating(Set.of(1)));
        assertTrue(message.contains("program p: donated parameter 1"), message);
    }

    @Test
    void equationsThatNothingNeedsAreDropped() {
        var program = trace(
                in -> {
                    in.getFirst().sin().cos();
                    return List.of(in.getFirst().exp());
                },
                ROW);
        assertEquals(List.of("exp"), mnemonics(program));
    }

    @Test
    void equationWithOneUsedResultOfSeveralIsKept() {
        var program = trace(
                in -> List.of(Tensor.apply(new Primitive.SwiGluGrad(), in.get(0), in.get(0), in.get(0))
                        .get(1)),
                ROW);
        assertEquals(List.of("swiGluGrad"), mnemonics(program));
    }

    @Test
    void callReplaysUnderTheCurrentInterpreter() {
        var program = trace(in -> List.of(in.get(0).add(in.get(1)).exp(), in.get(1)), ROW, ROW);
        var again = trace(program::call, ROW, ROW);
        assertEquals(program.toString(), again.toString());
        var a = Array.of(Shape.of(4), 0, 1, 2, 3f);
        var b = Array.of(Shape.of(4), 0, -1, -2, -3f);
        var results = program.call(List.of(a, b));
        assertEquals(List.of(1.0, 1.0, 1.0, 1.0), doubles(results.get(0)));
        assertEquals(b, results.get(1));
    }

    private static List<Double> doubles(Tensor tensor) {
        var values = new ArrayList<Double>();
        for (double value : ((Array) tensor).toDoubles()) {
            values.add(value);
        }
        return values;
    }

    @Test
    void callChecksTheNumberOfArguments() {
        var program = trace(in -> List.of(in.getFirst().exp()), ROW);
        assertEquals(
                "program p takes 1 arguments, got 0",
                message(IllegalArgumentException.class, () -> program.call(List.of())));
    }

    @Test
    void largeCapturedArrayIsRefusedWithAWayOut() {
        int edge = (int) Trace.LARGEST_CONSTANT_BYTES / 4;
        var fits = Array.of(Shape.of(edge), new float[edge]);
        assertEquals(List.of("add"), mnemonics(trace(in -> List.of(in.getFirst().add(fits)), fits.type())));
        var big = Array.of(Shape.of(edge + 1), new float[edge + 1]);
        var message = message(
                IllegalArgumentException.class,
                () -> trace(in -> List.of(in.getFirst().add(big)), big.type()));
        assertTrue(message.contains("add: the traced function captured an array of type f32[16385]"), message);
        assertTrue(message.contains("65540 bytes"), message);
        assertTrue(message.contains("Pass it as an argument instead"), message);
        var returned = message(IllegalArgumentException.class, () -> trace(_ -> List.of(big), ROW));
        assertTrue(returned.contains("captured an array of type f32[16385]"), returned);
    }

    @Test
    void symbolThatLeaksOutOfItsTraceIsExplained() {
        var leaked = new ArrayList<Tensor>();
        trace(
                in -> {
                    leaked.add(in.getFirst().exp());
                    return in;
                },
                ROW);
        var message =
                message(IllegalStateException.class, () -> leaked.getFirst().sin());
        assertEquals(
                "sin: operand is a traced f32[4], which has no value outside the trace that made it; "
                        + "return it from the traced function",
                message);
        var intoAnother = message(
                IllegalArgumentException.class,
                () -> trace(in -> List.of(in.getFirst().add(leaked.getFirst())), ROW));
        assertTrue(intoAnother.contains("add uses a traced f32[4]"), intoAnother);
        assertTrue(intoAnother.contains("it belongs to another trace"), intoAnother);
    }

    @Test
    void legaliserExpandsExactlyWhatTheDeviceLacks() {
        var program = trace(
                        in -> List.of(in.get(0)
                                .then(new Primitive.SwiGlu(), in.get(0))
                                .then(new Primitive.RmsNorm(1e-6), in.get(1))),
                        TensorType.f32(2, 4),
                        ROW)
                .donating(Set.of(0));
        var half = Legalizer.legalise(program, (prim, _) -> prim instanceof Primitive.RmsNorm);
        assertEquals(List.of("logistic", "mul", "mul", "rmsNorm"), mnemonics(half));
        assertEquals(Set.of(0), half.donated());
        assertEquals(
                program.toString(), Legalizer.legalise(program, (_, _) -> true).toString());
        assertTrue(Legalizer.legalise(program, (_, _) -> false).body().stream()
                .allMatch(equation -> equation.prim() instanceof Primitive.Core));
    }

    @Test
    void legaliserDropsWhatOnlyDerivativesReadAndSelectionsThatItLeavesWithoutAChoice() {
        var program = trace(
                in -> List.of(
                        in.get(0).gt(in.get(1)).select(in.get(0).stopGradient(), in.get(0)),
                        in.get(0).gt(in.get(1)).select(in.get(0), in.get(1)),
                        in.get(1).exp().annotate(new Primitive.Note.Barrier())),
                ROW,
                ROW);
        var legal = Legalizer.legalise(program, (_, _) -> true);
        assertEquals(List.of("gt", "select", "exp", "annotate"), mnemonics(legal));
        assertSame(legal.params().getFirst(), legal.results().getFirst());
    }
}
