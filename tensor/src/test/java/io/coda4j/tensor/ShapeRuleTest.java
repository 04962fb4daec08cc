package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.testing.OpTable;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every rule of every primitive: operands that break it, and what the message must say. */
class ShapeRuleTest {
    private static final TensorType BOOLS = TensorType.of(DType.BOOL, 2, 3);
    private static final Primitive.Attention ATTENTION = new Primitive.Attention(1, AttentionMask.FULL);

    private static Arguments bad(Primitive prim, List<TensorType> in, String... fragments) {
        return arguments(prim, in, List.of(fragments));
    }

    private static TensorType f32(int... dims) {
        return TensorType.f32(dims);
    }

    private static TensorType i32(int... dims) {
        return TensorType.i32(dims);
    }

    private static TensorType i8(int... dims) {
        return TensorType.of(DType.I8, dims);
    }

    private static Primitive.Dot dot(List<Integer> lb, List<Integer> rb, List<Integer> lc, List<Integer> rc) {
        return new Primitive.Dot(lb, rb, lc, rc, DType.F32);
    }

    static Stream<Arguments> core() {
        return Stream.of(
                bad(new Primitive.Full(f32(2), 0), List.of(f32(2)), "full: takes 0 operands, got 1; operands (f32[2])"),
                bad(new Primitive.Iota(f32(2), 1), List.of(), "iota: axis [1]: axis 1 is outside rank 1"),
                bad(new Primitive.Iota(BOOLS, 0), List.of(), "iota: has no bool form"),
                bad(
                        new Primitive.Unary(UnaryOp.EXP),
                        List.of(i32(2)),
                        "exp: operand 0 must be a floating-point",
                        "(i32[2])"),
                bad(new Primitive.Unary(UnaryOp.NEG), List.of(i8(2)), "neg: has no i8 form; convert to i32 first"),
                bad(
                        new Primitive.Binary(BinaryOp.ADD),
                        List.of(i8(2), i8(2)),
                        "add: has no i8 form; convert to i32 first"),
                bad(new Primitive.Compare(CompareOp.LT), List.of(i8(2), i8(2)), "lt: has no i8 form"),
                bad(new Primitive.Reduce(ReduceOp.SUM, List.of(0)), List.of(i8(2)), "reduce: has no i8 form"),
                bad(new Primitive.Iota(i8(2), 0), List.of(), "iota: has no i8 form; convert from i32"),
                bad(new Primitive.Unary(UnaryOp.NEG), List.of(BOOLS), "neg: has no bool form; use not"),
                bad(new Primitive.Unary(UnaryOp.NOT), List.of(f32(2)), "not: operand 0 must be bool"),
                bad(new Primitive.Unary(UnaryOp.SIN), List.of(), "sin: takes 1 operands, got 0"),
                bad(
                        new Primitive.Binary(BinaryOp.ADD),
                        List.of(f32(2, 3), f32(3)),
                        "add: operands 0 and 1 must have equal types (broadcast or convert one explicitly)",
                        "(f32[2,3], f32[3])"),
                bad(
                        new Primitive.Binary(BinaryOp.MUL),
                        List.of(f32(2), i32(2)),
                        "mul: operands 0 and 1 must have equal types"),
                bad(new Primitive.Binary(BinaryOp.AND), List.of(f32(2), f32(2)), "and: operands must be bool"),
                bad(new Primitive.Binary(BinaryOp.MAX), List.of(BOOLS, BOOLS), "max: has no bool form"),
                bad(
                        new Primitive.Compare(CompareOp.LT),
                        List.of(f32(2), f32(3)),
                        "lt: operands 0 and 1 must have equal types"),
                bad(
                        new Primitive.Select(),
                        List.of(BOOLS, f32(2, 3), f32(3, 2)),
                        "select: operands 1 and 2 must have equal types"),
                bad(
                        new Primitive.Select(),
                        List.of(f32(2, 3), f32(2, 3), f32(2, 3)),
                        "select: operand 0 (predicate) must be bool[2,3], got f32[2,3]"),
                bad(new Primitive.Convert(DType.I32), List.of(f32(), f32()), "convert: takes 1 operands, got 2"),
                bad(
                        new Primitive.Reshape(Shape.of(4)),
                        List.of(f32(2, 3)),
                        "reshape: element counts differ: 6 into [4]"),
                bad(
                        new Primitive.Transpose(List.of(0)),
                        List.of(f32(2, 3)),
                        "transpose: permutation [0] must name all 2 axes"),
                bad(
                        new Primitive.Transpose(List.of(0, 0)),
                        List.of(f32(2, 3)),
                        "transpose: permutation [0, 0] names an axis twice"),
                bad(
                        new Primitive.Transpose(List.of(0, 2)),
                        List.of(f32(2, 3)),
                        "transpose: permutation [0, 2]: axis 2 is outside rank 2"),
                bad(
                        new Primitive.Broadcast(Shape.of(4, 3), List.of(1)),
                        List.of(f32(2)),
                        "broadcast: axis 0 of size 2 cannot become axis 1 of [4,3]"),
                bad(
                        new Primitive.Broadcast(Shape.of(4, 3), List.of()),
                        List.of(f32(3)),
                        "broadcast: axes [] must place every operand axis"),
                bad(
                        new Primitive.Broadcast(Shape.of(4, 3), List.of(1, 0)),
                        List.of(f32(3, 4)),
                        "broadcast: axes [1, 0] must ascend"),
                bad(
                        new Primitive.Broadcast(Shape.of(4), List.of(1)),
                        List.of(f32(4)),
                        "broadcast: axes [1]: axis 1 is outside rank 1"),
                bad(
                        new Primitive.Slice(List.of(0), List.of(1)),
                        List.of(f32(2, 3)),
                        "slice: starts [0] and limits [1] must name all 2 axes"),
                bad(
                        new Primitive.Slice(List.of(0, 1), List.of(2, 4)),
                        List.of(f32(2, 3)),
                        "slice: axis 1: [1, 4) is outside 0..3"),
                bad(
                        new Primitive.Slice(List.of(2), List.of(1)),
                        List.of(f32(3)),
                        "slice: axis 0: [2, 1) is outside 0..3"),
                bad(
                        new Primitive.Pad(List.of(0), List.of(0)),
                        List.of(f32(2, 3)),
                        "pad: low [0] and high [0] must name all 2 axes"),
                bad(
                        new Primitive.Pad(List.of(0, -1), List.of(0, 0)),
                        List.of(f32(2, 3)),
                        "pad: axis 1: padding must not be negative"),
                bad(
                        new Primitive.Pad(List.of(0, 1), List.of(0, Integer.MAX_VALUE - 3)),
                        List.of(f32(2, 3)),
                        "pad: axis 1 would be 2147483648, and may be 2^31 - 1"),
                bad(
                        new Primitive.Concat(1),
                        List.of(f32(2, 1 << 30), f32(2, 1 << 30)),
                        "concat: axis 1 would be 2147483648, and may be 2^31 - 1"),
                bad(new Primitive.Concat(0), List.of(), "concat: takes at least one operand"),
                bad(new Primitive.Concat(2), List.of(f32(2, 3)), "concat: axis [2]: axis 2 is outside rank 2"),
                bad(
                        new Primitive.Concat(1),
                        List.of(f32(2, 3), f32(4, 3)),
                        "concat: operands may differ only along axis 1",
                        "(f32[2,3], f32[4,3])"),
                bad(new Primitive.Concat(0), List.of(f32(2), i32(2)), "concat: operands may differ only along axis 0"),
                bad(
                        new Primitive.Concat(0),
                        List.of(f32(2), f32(2, 1)),
                        "concat: operands may differ only along axis 0"),
                bad(
                        new Primitive.Reduce(ReduceOp.SUM, List.of(2)),
                        List.of(f32(2, 3)),
                        "reduce: axes [2]: axis 2 is outside rank 2"),
                bad(
                        new Primitive.Reduce(ReduceOp.SUM, List.of(1, 1)),
                        List.of(f32(2, 3)),
                        "reduce: axes [1, 1] names an axis twice"),
                bad(
                        new Primitive.Reduce(ReduceOp.MAX, List.of(0)),
                        List.of(BOOLS),
                        "reduce: has no bool form; convert to i32 first"),
                bad(
                        new Primitive.TakeRows(),
                        List.of(f32(), i32(2)),
                        "takeRows: the table must have at least one axis"),
                bad(new Primitive.TakeRows(), List.of(f32(4, 2), f32(2)), "takeRows: operand 1 must be i32"),
                bad(
                        new Primitive.ScatterAddRows(4),
                        List.of(f32(2), f32(2, 3)),
                        "scatterAddRows: operand 0 must be i32"),
                bad(
                        new Primitive.ScatterAddRows(4),
                        List.of(i32(2), i32(2, 3)),
                        "scatterAddRows: operand 1 must be a floating-point"),
                bad(
                        new Primitive.ScatterAddRows(4),
                        List.of(i32(2), f32(3, 2)),
                        "scatterAddRows: the leading axes of the updates must be those of the ids"),
                bad(
                        new Primitive.DynamicSlice(0, 2),
                        List.of(f32(3), i32(1)),
                        "dynamicSlice: operand 1 (start) must be i32[], got i32[1]"),
                bad(
                        new Primitive.DynamicSlice(0, 4),
                        List.of(f32(3), i32()),
                        "dynamicSlice: size 4 does not fit axis 0 = 3"),
                bad(
                        new Primitive.DynamicSlice(1, 1),
                        List.of(f32(3), i32()),
                        "dynamicSlice: axis [1]: axis 1 is outside rank 1"),
                bad(
                        new Primitive.DynamicUpdateSlice(0),
                        List.of(f32(3, 2), f32(4, 2), i32()),
                        "dynamicUpdateSlice: the update may be shorter than operand 0 along axis 0 and must else equal it"),
                bad(new Primitive.DynamicUpdateSlice(0), List.of(f32(3, 2), f32(1, 3), i32()), "along axis 0"),
                bad(
                        new Primitive.DynamicUpdateSlice(0),
                        List.of(f32(3), f32(1), f32()),
                        "(start) must be i32[], got f32[]"),
                bad(
                        new Primitive.Annotate(new Primitive.Note.Barrier()),
                        List.of(),
                        "annotate: takes at least one operand"));
    }

    static Stream<Arguments> products() {
        var none = List.<Integer>of();
        return Stream.of(
                bad(
                        dot(none, none, List.of(1), List.of(1)),
                        List.of(f32(2, 3), f32(4, 5)),
                        "dot: contracting axes differ: lhs axis 1 = 3, rhs axis 1 = 5",
                        "(f32[2,3], f32[4,5])"),
                bad(
                        dot(List.of(0), List.of(0), none, none),
                        List.of(f32(2), f32(3)),
                        "dot: batch axes differ: lhs axis 0 = 2, rhs axis 0 = 3"),
                bad(
                        dot(List.of(0), none, none, none),
                        List.of(f32(2), f32(3)),
                        "dot: batch axes differ in number: lhs [0], rhs []"),
                bad(
                        dot(none, none, List.of(0), none),
                        List.of(f32(2), f32(3)),
                        "dot: contracting axes differ in number: lhs [0], rhs []"),
                bad(
                        dot(none, none, List.of(2), List.of(0)),
                        List.of(f32(2, 3), f32(3)),
                        "dot: lhs batch and contracting axes [2]: axis 2 is outside rank 2"),
                bad(
                        dot(List.of(0), List.of(0), List.of(0), List.of(0)),
                        List.of(f32(2), f32(2)),
                        "dot: lhs batch and contracting axes [0, 0] names an axis twice"),
                bad(dot(none, none, none, none), List.of(i32(2), i32(2)), "dot: operand 0 must be a floating-point"),
                bad(
                        dot(none, none, none, none),
                        List.of(f32(2), TensorType.f64(2)),
                        "dot: element types must be equal, or f32 beside f16 or bf16"),
                bad(
                        dot(none, none, none, none),
                        List.of(TensorType.of(DType.F16, 2), TensorType.of(DType.BF16, 2)),
                        "dot: element types must be equal, or f32 beside f16 or bf16"),
                bad(dot(none, none, none, none), List.of(f32(2), i32(2)), "dot: operand 1 must be a floating-point"),
                bad(
                        dot(none, none, none, none),
                        List.of(TensorType.f64(2), TensorType.f64(2)),
                        "dot: accumulates f64 products in f64, not f32"));
    }

    static Stream<Arguments> fused() {
        var ids = i32(1, 2);
        return Stream.of(
                bad(
                        new Primitive.RmsNorm(1e-6),
                        List.of(f32(2, 3), f32(2)),
                        "rmsNorm: operand 1 (weight) must be f32[3], got f32[2]"),
                bad(
                        new Primitive.RmsNorm(1e-6),
                        List.of(f32(), f32()),
                        "rmsNorm: operand 0 must have at least one axis"),
                bad(
                        new Primitive.RmsNorm(1e-6),
                        List.of(i32(2), i32(2)),
                        "rmsNorm: operand 0 must be a floating-point"),
                bad(
                        new Primitive.RmsNormGrad(1e-6),
                        List.of(f32(2, 3), f32(3), f32(3)),
                        "rmsNormGrad: operands 0 and 2 must have equal types"),
                bad(
                        new Primitive.Rope(1e4, false),
                        List.of(f32(1, 2, 3), i32(2)),
                        "rope: operand 0 must have rank 4 [B,T,H,D]"),
                bad(
                        new Primitive.Rope(1e4, false),
                        List.of(f32(1, 2, 1, 3), i32(2)),
                        "rope: the last axis of operand 0 must be even"),
                bad(
                        new Primitive.Rope(1e4, false),
                        List.of(f32(1, 2, 1, 4), i32(3)),
                        "rope: operand 1 (positions) must be i32[2], got i32[3]"),
                bad(new Primitive.Softmax(), List.of(f32()), "softmax: the operand must have an axis, got f32[]"),
                bad(new Primitive.Softmax(), List.of(i32(2)), "softmax: operand 0 must be a floating-point tensor"),
                bad(new Primitive.SwiGlu(), List.of(f32(2), f32(3)), "swiGlu: operands 0 and 1 must have equal types"),
                bad(
                        new Primitive.Scan(
                                Trace.of("sum", in -> List.of(in.get(0).add(in.get(1))), List.of(f32(2), f32(2))),
                                4,
                                1,
                                0,
                                false,
                                false),
                        List.of(f32(2), f32(3, 2)),
                        "scan: operand 1 (stack of 4) must be f32[4,2], got f32[3,2]"),
                bad(
                        new Primitive.SwiGluGrad(),
                        List.of(f32(2), f32(2), f32(3)),
                        "swiGluGrad: operands 0 and 2 must have equal types"),
                bad(
                        ATTENTION,
                        List.of(f32(1, 2, 3, 4), f32(1, 2, 2, 4), f32(1, 2, 2, 4), ids, ids, i32()),
                        "attention: query heads (axis 2 = 3) must be a multiple of key heads (axis 2 = 2)"),
                bad(
                        ATTENTION,
                        List.of(f32(1, 2, 2, 4), f32(1, 2, 2, 5), f32(1, 2, 2, 5), ids, ids, i32()),
                        "attention: queries and keys must agree in element type, batch (axis 0) and head size (axis 3)"),
                bad(
                        ATTENTION,
                        List.of(f32(1, 2, 2, 4), f32(1, 2, 2, 4), f32(1, 3, 2, 4), ids, ids, i32()),
                        "attention: operands 1 and 2 must have equal types"),
                bad(
                        ATTENTION,
                        List.of(f32(1, 2, 2, 4), f32(1, 5, 2, 4), f32(1, 5, 2, 4), ids, ids, i32()),
                        "attention: operand 4 (key segments) must be i32[1,5], got i32[1,2]"),
                bad(
                        ATTENTION,
                        List.of(f32(1, 2, 2, 4), f32(1, 2, 2, 4), f32(1, 2, 2, 4), ids, ids, i32(1)),
                        "attention: operand 5 (query start) must be i32[], got i32[1]"),
                bad(ATTENTION, List.of(f32(1)), "attention: takes 6 operands, got 1"),
                bad(
                        new Primitive.AttentionGrad(1, AttentionMask.FULL),
                        List.of(f32(1)),
                        "attentionGrad: takes 9 operands, got 1"),
                bad(
                        new Primitive.AttentionGrad(1, AttentionMask.FULL),
                        List.of(
                                f32(1, 2, 2, 4),
                                f32(1, 2, 2, 4),
                                f32(1, 2, 2, 4),
                                ids,
                                ids,
                                i32(),
                                f32(1, 2, 2, 4),
                                f32(1, 2),
                                f32(1, 2, 2, 4)),
                        "attentionGrad: operand 7 (log-sum-exp) must be f32[1,2,2], got f32[1,2]"),
                bad(
                        new Primitive.CrossEntropy(),
                        List.of(f32(2), i32(2)),
                        "crossEntropy: operand 0 must have rank 2 [N,V]"),
                bad(
                        new Primitive.CrossEntropy(),
                        List.of(f32(2, 5), i32(3)),
                        "crossEntropy: operand 1 (targets) must be i32[2], got i32[3]"),
                bad(
                        new Primitive.CrossEntropyGrad(),
                        List.of(f32(2, 5), i32(2), f32(2), f32(3)),
                        "crossEntropyGrad: operand 3 (cotangent of the loss) must be f32[2], got f32[3]"),
                bad(new Primitive.ArgMax(1), List.of(f32(2, 0)), "argMax: axis 1 must not be empty"),
                bad(new Primitive.ArgMax(0), List.of(BOOLS), "argMax: has no bool form"),
                bad(new Primitive.ArgMax(0), List.of(i8(2, 3)), "argMax: has no i8 form; convert to i32 first"),
                bad(
                        new Primitive.QuantizedLinear(Activations.QUANTIZED),
                        List.of(f32(2, 3), f32(5, 3), f32(5)),
                        "quantizedLinear: operand 1 must be i8"),
                bad(
                        new Primitive.QuantizedLinear(Activations.KEPT),
                        List.of(f32(2, 3), i8(5, 4), f32(5)),
                        "quantizedLinear: the last axis of operand 0 is 3, that of the weight 4"),
                bad(
                        new Primitive.QuantizedLinear(Activations.KEPT),
                        List.of(f32(2, 3), i8(5, 3), f32(3)),
                        "quantizedLinear: operand 2 (scale) must be f32[5], got f32[3]"),
                bad(
                        new Primitive.QuantizedLinear(Activations.QUANTIZED),
                        List.of(f32(1, 131_073), i8(1, 131_073), f32(1)),
                        "quantizedLinear: K is at most 131072"),
                bad(
                        new Primitive.AdamW(0.9, 0.9, 1),
                        List.of(f32(2), f32(2), f32(3), f32(2), f32(), f32(), f32(), f32()),
                        "adamW: operands 0 and 2 must have equal types"),
                bad(
                        new Primitive.AdamW(0.9, 0.9, 1),
                        List.of(f32(2), f32(2), f32(2), f32(2), f32(1), f32(), f32(), f32()),
                        "adamW: operand 4 (rate) must be f32[], got f32[1]"),
                bad(
                        new Primitive.Adafactor(1, 1, true, true),
                        List.of(f32(2, 3), f32(2), f32(3), f32(2, 3), f32(), f32(), f32(), f32()),
                        "adafactor: operand 0 must have at least the axes of a stack of matrices"),
                bad(
                        new Primitive.Adafactor(1, 1, true, false),
                        List.of(f32(2, 3), f32(2), f32(2), f32(2, 3), f32(), f32(), f32(), f32()),
                        "adafactor: operand 2 (second moments of columns) must be f32[3], got f32[2]"),
                bad(
                        new Primitive.Adafactor(1, 1, true, false),
                        List.of(f32(2, 3), f32(2), f32(3), f32(3, 2), f32(), f32(), f32(), f32()),
                        "adafactor: operands 0 and 3 must have equal types"),
                bad(
                        new Primitive.Adafactor(1, 1, false, false),
                        List.of(f32(2), f32(2), f32(2), f32(), f32(), f32(1), f32()),
                        "adafactor: operand 5 (share of the old moments) must be f32[], got f32[1]"));
    }

    @ParameterizedTest
    @MethodSource({"core", "products", "fused"})
    void namesTheBrokenRule(Primitive prim, List<TensorType> in, List<String> fragments) {
        var error = assertThrows(ShapeException.class, () -> prim.infer(in));
        fragments.forEach(fragment -> assertTrue(error.getMessage().contains(fragment), error::getMessage));
        var operands = in.stream().map(TensorType::toString).collect(Collectors.joining(", ", "; operands (", ")"));
        assertTrue(error.getMessage().endsWith(operands), error::getMessage);
    }

    @Test
    void everyPrimitiveHasARuleThatIsBrokenHere() {
        var broken = new HashSet<Object>();
        Stream.of(core(), products(), fused())
                .flatMap(cases -> cases)
                .forEach(arguments -> broken.add(arguments.get()[0].getClass()));
        var all =
                OpTable.cases(DType.F32).stream().map(c -> c.prim().getClass()).collect(Collectors.toSet());
        assertEquals(all, broken);
    }

    @Test
    void broadcastingApiNamesTheAxisThatDoesNotFit() {
        var a = new Symbol(f32(2, 3));
        var b = new Symbol(f32(2, 4));
        var error = assertThrows(ShapeException.class, () -> a.add(b));
        assertEquals("add: cannot broadcast axis -1: 3 against 4; operands (f32[2,3], f32[2,4])", error.getMessage());
    }

    @Test
    void axesThatDoNotExistAreNamedAsTheyWereGiven() {
        var a = Array.of(Shape.of(2, 3), new float[6]);
        var calls = Map.<String, Supplier<Tensor>>of(
                "slice: axis [2]: axis 2 is outside rank 2", () -> a.slice(2, 0, 1),
                "pad: axis [-3]: axis -3 is outside rank 2", () -> a.pad(-3, 0, 1),
                "concat: axis [-4]: axis -4 is outside rank 2", () -> Tensor.concat(-4, List.of(a)),
                "concat: takes at least one operand", () -> Tensor.concat(0, List.of()),
                "reduce: axes [-3]: axis -3 is outside rank 2", () -> a.sum(-3),
                "dynamicSlice: axis [-3]: axis -3 is outside rank 2", () -> a.dynamicSlice(-3, 1, Array.scalar(0)));
        calls.forEach((message, call) -> {
            var error = assertThrows(ShapeException.class, call::get);
            assertTrue(error.getMessage().startsWith(message), error::getMessage);
        });
    }

    @Test
    void shapesRefuseNegativeAndEnormousDimensions() {
        assertTrue(assertThrows(ShapeException.class, () -> Shape.of(2, -1))
                .getMessage()
                .contains("[2, -1]"));
        int big = Integer.MAX_VALUE;
        var error = assertThrows(ShapeException.class, () -> Shape.of(big, big, big));
        assertTrue(error.getMessage().contains("more than 2^63 elements"), error::getMessage);
        var bytes = assertThrows(
                ShapeException.class, () -> f32(1 << 30, 1 << 30, 4).byteSize());
        assertEquals("f32[1073741824,1073741824,4]: more than 2^63 bytes", bytes.getMessage());
        assertEquals(
                "axis 2 is outside shape [2,3]",
                assertThrows(ShapeException.class, () -> Shape.of(2, 3).dim(2)).getMessage());
    }

    @Test
    void shapesKnowStridesAndNegativeAxes() {
        assertEquals(
                List.of(12L, 4L, 1L),
                Arrays.stream(Shape.of(2, 3, 4).strides()).boxed().toList());
        assertEquals(4, Shape.of(2, 3, 4).dim(-1));
        assertEquals(Shape.of(2, 4), Shape.of(2, 3, 4).without(List.of(1)));
        assertEquals(List.of(0, 2), Shape.of(2, 3, 4).axesExcept(List.of(1)));
        assertEquals(0, Shape.of(2, 0).size());
        assertEquals(1, Shape.of().size());
    }
}
