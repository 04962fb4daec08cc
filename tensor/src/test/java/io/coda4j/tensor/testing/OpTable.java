package io.coda4j.tensor.testing;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.Note;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.cpu.CpuDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;

/**
 * Cases for every primitive, every operation and every note, at the sizes and values where kernels go wrong.
 *
 * <p>The table exists once for each floating-point type: F32, BF16 and F16 for devices, F64 for gradient checks. A new
 * primitive needs a line here; the test of the table fails until it has one.
 */
public final class OpTable {
    /** Lanes of an F32 vector on this machine. */
    public static final int LANES = FloatVector.SPECIES_PREFERRED.length();

    /** Sizes around the vector width, and two primes. */
    static final List<Integer> SIZES = Stream.of(0, 1, LANES - 1, LANES, LANES + 1, 2 * LANES + 3, 97)
            .distinct()
            .toList();

    private static final Domain NORMAL = new Domain.Normal();
    private static final Domain POSITIVE = new Domain.Between(0.1, 3);
    private static final Domain NONZERO = new Domain.Nonzero();
    private static final Domain BITS = new Domain.Whole(0, 1);
    private static final Domain SMALL = new Domain.Whole(-3, 3);
    private static final Domain DISTINCT = new Domain.Distinct(0);
    private static final Domain BETWEEN_DISTINCT = new Domain.Distinct(0.5);
    /** Halfway between whole numbers, and around them. */
    private static final Domain HALVES = new Domain.Cycle(
            List.of(0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.499, -0.501, 126.5, -126.5, 0x1p23 + 1, -0x1p24, 4194303.5), 1);

    /** Whole numbers with 127 among any six, so that the step of each row is 1 and quotients are exact on every device. */
    private static final Domain STEPS =
            new Domain.Cycle(List.of(127.0, -3.0, 0.0, 64.0, -127.0, 5.0, 127.0, 1.0, -99.0, 2.0, 31.0), 1);

    private static final Domain BYTES = new Domain.Whole(-128, 127);
    private static final Domain COUNT = new Domain.Count();

    /** Values exactly between two BF16 numbers, and their neighbours. */
    private static final Domain TIES = new Domain.Cycle(
            List.of(1 + 0x1p-8, 1 + 3 * 0x1p-8, 1 + 0x1p-8 + 0x1p-20, 1 + 0x1p-8 - 0x1p-20, -1 - 0x1p-8, 0x1.fep127),
            1);

    /** Values exactly between two F16 numbers, normal and subnormal, and around the greatest one. */
    private static final Domain HALF_TIES = new Domain.Cycle(
            List.of(
                    1 + 0x1p-11,
                    1 + 3 * 0x1p-11,
                    1 + 0x1p-11 + 0x1p-20,
                    -1 - 0x1p-11,
                    0x1p-25,
                    3 * 0x1p-25,
                    -5 * 0x1p-25,
                    0x1p-14 - 0x1p-25,
                    65519.0,
                    65520.0,
                    -65536.0),
            1);

    /** Around the ends of I32, and halves. */
    private static final Domain TO_INTEGER = new Domain.Cycle(
            List.of(2.5, -2.5, 0.99, -0.99, 3e9, -3e9, 2147483648.0, -2147483648.0, Double.NaN, 1e30, -1e30), 1);

    private static final CpuDevice REFERENCE = CpuDevice.reference();

    private final DType real;
    private final List<OpCase> rows = new ArrayList<>();

    private OpTable(DType real) {
        this.real = real;
    }

    /** The device that defines what every case must give. */
    public static CpuDevice reference() {
        return REFERENCE;
    }

    /** The classes without parts that a sealed type is made of. */
    public static Stream<Class<?>> leaves(Class<?> type) {
        return type.isSealed()
                ? Arrays.stream(type.getPermittedSubclasses()).flatMap(OpTable::leaves)
                : Stream.of(type);
    }

    /** The table with {@code real} for every floating-point operand. */
    public static List<OpCase> cases(DType real) {
        var table = new OpTable(real);
        table.sources();
        table.unary();
        table.binary();
        table.compare();
        table.select();
        table.convert();
        table.reshape();
        table.transpose();
        table.broadcast();
        table.slice();
        table.pad();
        table.concat();
        table.reduce();
        table.dot();
        if (real.isReducedPrecision()) {
            table.mixedDots();
        }
        table.byteDots();
        table.quantizedLinear();
        table.rows();
        table.dynamicSlices();
        table.annotate();
        table.norm();
        table.rope();
        table.softmax();
        table.swiGlu();
        table.attention();
        table.crossEntropy();
        table.argMax();
        table.adamW();
        table.adafactor();
        table.scan();
        table.large();
        return List.copyOf(table.rows);
    }

    /**
     * Some cases of F16: every device computes it as F32 between the same two conversions, so that a third of the cases of a
     * few operations shows what all of them would.
     */
    public static List<OpCase> halves() {
        var counts = new HashMap<String, Integer>();
        return cases(DType.F16).stream()
                .filter(c -> isSampled(c.prim()) && !hasWideHeads(c))
                .filter(c -> counts.merge(c.prim().mnemonic(), 1, Integer::sum) % 3 == 1)
                .toList();
    }

    /** Attention of wide heads takes other kernels, which take long to build, and no other conversion. */
    private static boolean hasWideHeads(OpCase c) {
        return (c.prim() instanceof Primitive.Attention || c.prim() instanceof Primitive.AttentionGrad)
                && c.types().getFirst().dim(3) > 16;
    }

    private static boolean isSampled(Primitive prim) {
        return switch (prim) {
            case Primitive.Unary(var op) -> op == UnaryOp.NEG || op == UnaryOp.EXP;
            case Primitive.Binary(var op) -> op == BinaryOp.ADD || op == BinaryOp.MAX;
            case Primitive.Compare(var op) -> op == CompareOp.LT;
            case Primitive.Reduce(var op, var _) -> op != ReduceOp.MIN;
            default -> true;
        };
    }

    /** A row whose results do not change smoothly, or not at all. */
    private void row(Primitive prim, int terms, Operand... operands) {
        rows.add(new OpCase(prim, List.of(operands), terms, false));
    }

    /** A row with a gradient in all its floating-point operands. */
    private void smooth(Primitive prim, int terms, Operand... operands) {
        rows.add(new OpCase(prim, List.of(operands), terms, true));
    }

    private Operand real(Domain domain, int... dims) {
        return of(real, domain, dims);
    }

    private static Operand ints(Domain domain, int... dims) {
        return of(DType.I32, domain, dims);
    }

    private static Operand bools(int... dims) {
        return of(DType.BOOL, BITS, dims);
    }

    private static Operand of(DType dtype, Domain domain, int... dims) {
        return new Operand(TensorType.of(dtype, dims), domain);
    }

    /** Any values of any element type, for primitives that only move elements. */
    private List<DType> anything() {
        return List.of(real, DType.I32, DType.I8, DType.BOOL);
    }

    /** A primitive that moves elements, on operands of these dimensions and every element type. */
    private void moves(Primitive prim, int[]... dims) {
        for (var dtype : anything()) {
            var domain = dtype == DType.BOOL ? BITS : SMALL;
            var operands = Arrays.stream(dims)
                    .map(d -> of(dtype, dtype == real ? NORMAL : domain, d))
                    .toArray(Operand[]::new);
            rows.add(new OpCase(prim, List.of(operands), 0, dtype == real));
        }
    }

    private static int[] dims(int... dims) {
        return dims;
    }

    private Operand special(int repeat, int size) {
        return real(new Domain.Cycle(Domain.specials(real), repeat), size);
    }

    private static Operand specialInts(int repeat, int size) {
        return ints(new Domain.Cycle(Domain.specials(DType.I32), repeat), size);
    }

    private void sources() {
        for (double value : new double[] {0, -1.5, Double.NEGATIVE_INFINITY}) {
            row(new Primitive.Full(TensorType.of(real, 3, LANES + 1), value), 0);
        }
        row(new Primitive.Full(TensorType.of(real), 7), 0);
        row(new Primitive.Full(TensorType.of(real, 0), 7), 0);
        row(new Primitive.Full(TensorType.i32(2, 5), Integer.MAX_VALUE), 0);
        row(new Primitive.Full(TensorType.of(DType.BOOL, LANES + 1), 1), 0);
        for (int axis = 0; axis < 3; axis++) {
            row(new Primitive.Iota(TensorType.of(real, 3, 5, 2 * LANES + 3), axis), 0);
            row(new Primitive.Iota(TensorType.i32(3, 5, 2 * LANES + 3), axis), 0);
        }
        row(new Primitive.Iota(TensorType.of(real, 700), 0), 0);
        row(new Primitive.Iota(TensorType.i32(0), 0), 0);
    }

    private void unary() {
        for (var op : UnaryOp.values()) {
            var prim = new Primitive.Unary(op);
            SIZES.forEach(n -> unary(prim, n));
            unary(prim, 3, LANES + 1, 2);
            if (op != UnaryOp.NOT) {
                specialUnary(prim);
            }
        }
        SIZES.forEach(n -> row(new Primitive.Unary(UnaryOp.NEG), 0, ints(SMALL, n)));
        row(new Primitive.Unary(UnaryOp.NEG), 0, specialInts(1, 11));
        row(new Primitive.Unary(UnaryOp.EXP), 1, real(new Domain.Between(-90, 88), 97));
        row(new Primitive.Unary(UnaryOp.LOGISTIC), 1, real(new Domain.Between(-90, 90), 97));
        row(new Primitive.Unary(UnaryOp.LOG), 1, real(new Domain.Between(1e-30, 1e30), 97));
    }

    private void unary(Primitive.Unary prim, int... dims) {
        switch (prim.op()) {
            case NEG -> smooth(prim, 0, real(NORMAL, dims));
            case EXP, LOGISTIC -> smooth(prim, 1, real(new Domain.Between(-5, 5), dims));
            // Next to 1 the logarithm is a difference that cancels.
            case LOG -> smooth(prim, 2, real(POSITIVE, dims));
            case SQRT, RSQRT -> smooth(prim, 1, real(POSITIVE, dims));
            // So are sine and cosine next to their zeros.
            case SIN, COS -> smooth(prim, 2, real(new Domain.Between(-40, 40), dims));
            case ROUND -> {
                row(prim, 0, real(new Domain.Between(-40, 40), dims));
                row(prim, 0, real(HALVES, dims));
            }
            case NOT -> row(prim, 0, bools(dims));
        }
    }

    private void specialUnary(Primitive.Unary prim) {
        int size = 2 * Domain.specials(real).size() + 1;
        switch (prim.op()) {
            case NEG, ROUND -> row(prim, 0, special(1, size));
            case EXP, LOGISTIC, LOG, SQRT, RSQRT -> row(prim, 1, special(1, size));
            case SIN, COS ->
                row(
                        prim,
                        1,
                        real(
                                new Domain.Cycle(
                                        List.of(
                                                0.0,
                                                -0.0,
                                                1e-40,
                                                Double.NaN,
                                                Double.POSITIVE_INFINITY,
                                                Double.NEGATIVE_INFINITY),
                                        1),
                                19));
            case NOT -> row(prim, 0, bools(size));
        }
    }

    private void binary() {
        for (var op : BinaryOp.values()) {
            var prim = new Primitive.Binary(op);
            SIZES.forEach(n -> binary(prim, n));
            binary(prim, 3, LANES + 1, 2);
            specialBinary(prim);
        }
    }

    private void binary(Primitive.Binary prim, int... dims) {
        switch (prim.op()) {
            case ADD, SUB, MUL -> {
                smooth(prim, 1, real(NORMAL, dims), real(NORMAL, dims));
                row(prim, 0, ints(SMALL, dims), ints(SMALL, dims));
            }
            case DIV -> {
                smooth(prim, 1, real(NORMAL, dims), real(NONZERO, dims));
                row(prim, 0, ints(new Domain.Whole(-100, 100), dims), ints(SMALL, dims));
            }
            case MAX, MIN -> {
                smooth(prim, 0, real(DISTINCT, dims), real(BETWEEN_DISTINCT, dims));
                row(prim, 0, real(SMALL, dims), real(SMALL, dims));
                row(prim, 0, ints(SMALL, dims), ints(SMALL, dims));
            }
            case AND, OR -> row(prim, 0, bools(dims), bools(dims));
        }
    }

    private void specialBinary(Primitive.Binary prim) {
        int reals = Domain.specials(real).size();
        int ints = Domain.specials(DType.I32).size();
        switch (prim.op()) {
            case ADD, SUB, MUL, DIV, MAX, MIN -> {
                row(prim, 1, special(reals, reals * reals), special(1, reals * reals));
                row(prim, 0, specialInts(ints, ints * ints), specialInts(1, ints * ints));
            }
            case AND, OR -> row(prim, 0, bools(LANES, LANES), bools(LANES, LANES));
        }
    }

    private void compare() {
        int reals = Domain.specials(real).size();
        int ints = Domain.specials(DType.I32).size();
        for (var op : CompareOp.values()) {
            var prim = new Primitive.Compare(op);
            for (int n : SIZES) {
                row(prim, 0, real(SMALL, n), real(SMALL, n));
                row(prim, 0, ints(SMALL, n), ints(SMALL, n));
                smooth(prim, 0, real(DISTINCT, n), real(BETWEEN_DISTINCT, n));
            }
            row(prim, 0, bools(3, LANES + 1), bools(3, LANES + 1));
            row(prim, 0, special(reals, reals * reals), special(1, reals * reals));
            row(prim, 0, specialInts(ints, ints * ints), specialInts(1, ints * ints));
        }
    }

    private void select() {
        for (int n : SIZES) {
            for (var dtype : anything()) {
                var domain = dtype == real ? NORMAL : dtype == DType.BOOL ? BITS : SMALL;
                rows.add(new OpCase(
                        new Primitive.Select(),
                        List.of(bools(n), of(dtype, domain, n), of(dtype, domain, n)),
                        0,
                        dtype == real));
            }
        }
        row(new Primitive.Select(), 0, bools(40), special(1, 40), special(3, 40));
    }

    private void convert() {
        var all = Stream.of(DType.BOOL, DType.I8, DType.I32, DType.F16, DType.BF16, DType.F32, real)
                .distinct()
                .toList();
        for (var to : all) {
            var prim = new Primitive.Convert(to);
            for (int n : SIZES) {
                // Rounding is not smooth; only a conversion to the very type is.
                rows.add(new OpCase(prim, List.of(real(NORMAL, n)), 0, to == real));
                row(prim, 0, bools(n));
                row(prim, 0, ints(new Domain.Whole(-100_000, 100_000), n));
            }
            row(prim, 0, special(1, 29));
            row(prim, 0, specialInts(1, 29));
            row(prim, 0, real(TIES, 29));
            row(prim, 0, real(HALF_TIES, 29));
        }
        row(new Primitive.Convert(DType.I32), 0, real(TO_INTEGER, 40));
        row(new Primitive.Convert(DType.I8), 0, real(TO_INTEGER, 40));
        row(new Primitive.Convert(DType.I8), 0, real(new Domain.Between(-140, 140), 97));
        for (var to : all) {
            row(new Primitive.Convert(to), 0, of(DType.I8, BYTES, 97));
        }
        row(new Primitive.Convert(DType.F32), 0, of(DType.BF16, NORMAL, 3, LANES + 1));
    }

    private void reshape() {
        moves(new Primitive.Reshape(Shape.of(2, 3, LANES + 1)), dims(6, LANES + 1));
        moves(new Primitive.Reshape(Shape.of(97)), dims(97, 1));
        moves(new Primitive.Reshape(Shape.of(1, 1)), dims());
        moves(new Primitive.Reshape(Shape.of()), dims(1));
        moves(new Primitive.Reshape(Shape.of(5, 0)), dims(0, 3));
    }

    private void transpose() {
        moves(new Primitive.Transpose(List.of()), dims());
        for (int n : SIZES) {
            moves(new Primitive.Transpose(List.of(1, 0)), dims(3, n));
        }
        moves(new Primitive.Transpose(List.of(1, 0)), dims(2 * LANES + 3, 33));
        moves(new Primitive.Transpose(List.of(1, 0)), dims(4 * LANES, 2 * LANES));
        for (var permutation :
                List.of(List.of(0, 2, 1), List.of(1, 0, 2), List.of(1, 2, 0), List.of(2, 0, 1), List.of(2, 1, 0))) {
            moves(new Primitive.Transpose(permutation), dims(3, LANES + 1, 5));
        }
        moves(new Primitive.Transpose(List.of(0, 2, 1, 3)), dims(2, 5, 3, LANES + 1));
        moves(new Primitive.Transpose(List.of(3, 1, 0, 2)), dims(2, 5, 3, LANES));
    }

    private void broadcast() {
        for (int n : SIZES) {
            moves(new Primitive.Broadcast(Shape.of(n), List.of()), dims());
            moves(new Primitive.Broadcast(Shape.of(3, n), List.of(1)), dims(n));
            moves(new Primitive.Broadcast(Shape.of(n, 3), List.of(0)), dims(n));
            moves(new Primitive.Broadcast(Shape.of(3, n), List.of(0, 1)), dims(3, 1));
            moves(new Primitive.Broadcast(Shape.of(3, n), List.of(0, 1)), dims(1, n));
        }
        moves(new Primitive.Broadcast(Shape.of(2, 3, 5, LANES + 1), List.of(1, 3)), dims(3, LANES + 1));
        moves(new Primitive.Broadcast(Shape.of(2, 3, 5, LANES + 1), List.of(0, 2)), dims(2, 5));
        moves(new Primitive.Broadcast(Shape.of(2, 3, 2, 5, LANES), List.of(0, 1, 3, 4)), dims(2, 3, 5, LANES));
        moves(new Primitive.Broadcast(Shape.of(0, 3), List.of(0, 1)), dims(1, 1));
    }

    private void slice() {
        for (int n : SIZES) {
            moves(new Primitive.Slice(List.of(1, 2), List.of(3, 2 + n)), dims(4, n + 5));
            moves(new Primitive.Slice(List.of(2, 0), List.of(2 + n, 3)), dims(n + 3, 3));
        }
        moves(new Primitive.Slice(List.of(0, 1, 2, 0), List.of(2, 2, 5, LANES)), dims(2, 3, 5, LANES + 2));
        moves(new Primitive.Slice(List.of(), List.of()), dims());
    }

    private void pad() {
        for (int n : SIZES) {
            moves(new Primitive.Pad(List.of(1, 2), List.of(0, 3)), dims(2, n));
            moves(new Primitive.Pad(List.of(0, 0), List.of(2, 0)), dims(n, 3));
        }
        moves(new Primitive.Pad(List.of(0, 1, 0, 2), List.of(1, 0, 3, 0)), dims(2, 1, 3, LANES + 1));
        moves(new Primitive.Pad(List.of(), List.of()), dims());
    }

    private void concat() {
        for (int n : SIZES) {
            moves(new Primitive.Concat(1), dims(3, n), dims(3, 5), dims(3, LANES + 1));
            moves(new Primitive.Concat(0), dims(n, 3), dims(2, 3));
        }
        moves(new Primitive.Concat(0), dims(97));
        moves(new Primitive.Concat(1), dims(2, 1, 5), dims(2, 3, 5));
        moves(new Primitive.Concat(3), dims(2, 3, 2, LANES), dims(2, 3, 2, LANES));
    }

    private void reduce() {
        for (var op : ReduceOp.values()) {
            for (int n : SIZES) {
                reduce(op, List.of(0), n);
                reduce(op, List.of(1), 3, n);
                reduce(op, List.of(0), n, LANES + 1);
                reduce(op, List.of(1), 3, n, 5);
                reduce(op, List.of(0, 1), n, 3);
            }
            reduce(op, List.of(1), 2, 1031);
            reduce(op, List.of(0), 1031, 2);
            reduce(op, List.of(0, 2), 3, 5, LANES + 1);
            reduce(op, List.of(2, 0), 3, 5, LANES + 1);
            reduce(op, List.of(), 3, 5);
            row(new Primitive.Reduce(op, List.of(0)), 0, specialInts(1, 37));
        }
        for (var op : List.of(ReduceOp.MAX, ReduceOp.MIN)) {
            // Each row meets NaN, the infinities and both zeros at another lane.
            row(
                    new Primitive.Reduce(op, List.of(1)),
                    0,
                    real(
                            new Domain.Cycle(
                                    List.of(
                                            -1.0,
                                            Double.NEGATIVE_INFINITY,
                                            0.0,
                                            -0.0,
                                            2.0,
                                            Double.POSITIVE_INFINITY,
                                            Double.NaN),
                                    5),
                            23,
                            LANES + 1));
            row(new Primitive.Reduce(op, List.of(1)), 0, real(new Domain.Cycle(List.of(-0.0, 0.0), 1), 3, LANES + 1));
        }
    }

    private void reduce(ReduceOp op, List<Integer> axes, int... dims) {
        var prim = new Primitive.Reduce(op, axes);
        int terms = axes.stream().mapToInt(axis -> dims[axis]).reduce(1, (a, b) -> a * b);
        switch (op) {
            case SUM -> smooth(prim, Math.max(2, terms), real(NORMAL, dims));
            case MAX, MIN -> {
                // The greatest of no elements is -infinity, which has no difference quotient.
                rows.add(new OpCase(prim, List.of(real(DISTINCT, dims)), 0, terms > 0));
                row(prim, 0, real(SMALL, dims));
            }
        }
        row(prim, 0, ints(new Domain.Whole(-100, 100), dims));
    }

    private void dot() {
        for (int n : SIZES) {
            linear(3, n, 5);
            linear(n, LANES + 1, 2);
            linear(1, 5, n);
            matmul(3, n, 5);
            matmul(5, 3, n);
        }
        linear(37, 259, 70);
        linear(1, 259, 70);
        matmul(37, 70, 131);
        // x[B,T,K] w[N,K]
        dot(List.of(), List.of(), List.of(2), List.of(1), dims(2, 3, LANES + 1), dims(5, LANES + 1));
        // Both operands transposed.
        dot(List.of(), List.of(), List.of(0), List.of(1), dims(LANES + 1, 7), dims(2 * LANES + 3, LANES + 1));
        dot(List.of(), List.of(), List.of(0), List.of(0), dims(19, 7), dims(19, 2 * LANES + 3));
        // Attention: scores and weighted values, with leading and with inner batch axes.
        dot(List.of(0, 1), List.of(0, 1), List.of(3), List.of(3), dims(2, 3, 5, LANES), dims(2, 3, 7, LANES));
        dot(List.of(0, 1), List.of(0, 1), List.of(3), List.of(2), dims(2, 3, 5, 7), dims(2, 3, 7, LANES + 1));
        dot(List.of(0, 2), List.of(0, 2), List.of(3), List.of(3), dims(2, 5, 3, LANES), dims(2, 7, 3, LANES));
        // Two contracted axes, in another order on each side.
        dot(List.of(), List.of(), List.of(1, 2), List.of(2, 0), dims(3, 4, 5), dims(5, 7, 4));
        // Products of vectors, and of all axes.
        dot(List.of(), List.of(), List.of(0), List.of(0), dims(97), dims(97));
        dot(List.of(), List.of(), List.of(), List.of(), dims(3), dims(LANES + 1));
        dot(List.of(0), List.of(0), List.of(), List.of(), dims(LANES + 1), dims(LANES + 1));
    }

    /** F32 activations and BF16 weights, few rows and many, and the gradients' forms of them. */
    private void mixedDots() {
        for (int m : new int[] {1, 5, LANES + 1}) {
            mixedDot(List.of(1), List.of(1), of(DType.F32, NORMAL, m, 97), real(NORMAL, 2 * LANES + 3, 97));
            mixedDot(List.of(1), List.of(0), of(DType.F32, NORMAL, m, 97), real(NORMAL, 97, 2 * LANES + 3));
            mixedDot(List.of(1), List.of(1), real(NORMAL, 2 * LANES + 3, 97), of(DType.F32, NORMAL, m, 97));
        }
    }

    /** Sums of I8 products are exact. */
    private void byteDots() {
        for (int n : SIZES) {
            byteDot(List.of(1), List.of(1), dims(3, n), dims(5, n));
        }
        byteDot(List.of(1), List.of(0), dims(3, 97), dims(97, LANES + 1));
        byteDot(List.of(1), List.of(1), dims(LANES + 1, 259), dims(70, 259));
        row(
                new Primitive.Dot(List.of(0), List.of(0), List.of(2), List.of(2), DType.I32),
                0,
                of(DType.I8, BYTES, 2, 3, 17),
                of(DType.I8, BYTES, 2, 5, 17));
    }

    private void byteDot(List<Integer> lhsContract, List<Integer> rhsContract, int[] lhs, int[] rhs) {
        row(
                new Primitive.Dot(List.of(), List.of(), lhsContract, rhsContract, DType.I32),
                0,
                of(DType.I8, BYTES, lhs),
                of(DType.I8, BYTES, rhs));
    }

    private void quantizedLinear() {
        for (int n : SIZES) {
            quantizedLinear(dims(3), 11, n);
            quantizedLinear(dims(n), 2 * LANES + 3, 5);
        }
        quantizedLinear(dims(2, 3), 0, 5);
        quantizedLinear(dims(2, 3), 97, 2 * LANES + 3);
        quantizedLinear(dims(), 259, LANES + 1);
        var zeros = real(new Domain.Constant(0), 2, 11);
        row(
                new Primitive.QuantizedLinear(Activations.QUANTIZED),
                1,
                zeros,
                of(DType.I8, BYTES, 5, 11),
                of(real.accumulator(), NONZERO, 5));
    }

    private void quantizedLinear(int[] rows, int k, int n) {
        int[] dims = Arrays.copyOf(rows, rows.length + 1);
        dims[rows.length] = k;
        var weight = of(DType.I8, BYTES, n, k);
        var scale = of(real.accumulator(), NONZERO, n);
        smooth(new Primitive.QuantizedLinear(Activations.KEPT), Math.max(2, k), real(NORMAL, dims), weight, scale);
        if (k > 6) {
            row(new Primitive.QuantizedLinear(Activations.QUANTIZED), 1, real(STEPS, dims), weight, scale);
        }
    }

    private void mixedDot(List<Integer> lhsContract, List<Integer> rhsContract, Operand lhs, Operand rhs) {
        row(new Primitive.Dot(List.of(), List.of(), lhsContract, rhsContract, DType.F32), 97, lhs, rhs);
    }

    private void linear(int m, int k, int n) {
        dot(List.of(), List.of(), List.of(1), List.of(1), dims(m, k), dims(n, k));
    }

    private void matmul(int m, int k, int n) {
        dot(List.of(), List.of(), List.of(1), List.of(0), dims(m, k), dims(k, n));
    }

    private void dot(
            List<Integer> lhsBatch,
            List<Integer> rhsBatch,
            List<Integer> lhsContract,
            List<Integer> rhsContract,
            int[] lhs,
            int[] rhs) {
        int terms = lhsContract.stream().mapToInt(axis -> lhs[axis]).reduce(1, (a, b) -> a * b);
        smooth(
                new Primitive.Dot(lhsBatch, rhsBatch, lhsContract, rhsContract, real.accumulator()),
                Math.max(2, terms),
                real(NORMAL, lhs),
                real(NORMAL, rhs));
    }

    private void rows() {
        var ids = new Domain.Whole(0, 6);
        for (var dtype : anything()) {
            var domain = dtype == real ? NORMAL : dtype == DType.BOOL ? BITS : SMALL;
            for (int n : SIZES) {
                takeRows(of(dtype, domain, 7, n), ints(ids, 5));
                takeRows(of(dtype, domain, 7), ints(ids, n));
            }
            takeRows(of(dtype, domain, 7, 2, LANES + 1), ints(ids, 2, 3));
            takeRows(of(dtype, domain, 7, 5), ints(ids));
        }
        for (int n : SIZES) {
            smooth(new Primitive.ScatterAddRows(7), 5, ints(ids, 5), real(NORMAL, 5, n));
            smooth(new Primitive.ScatterAddRows(7), Math.max(2, n), ints(ids, n), real(NORMAL, n));
            smooth(new Primitive.ScatterAddRows(7), Math.max(2, n), ints(ids, n), real(NORMAL, n, 3));
        }
        smooth(new Primitive.ScatterAddRows(7), 6, ints(ids, 2, 3), real(NORMAL, 2, 3, 2, LANES + 1));
        smooth(new Primitive.ScatterAddRows(7), 2, ints(ids), real(NORMAL, 5));
    }

    private void takeRows(Operand table, Operand ids) {
        rows.add(new OpCase(
                new Primitive.TakeRows(), List.of(table, ids), 0, table.type().dtype() == real));
    }

    private void dynamicSlices() {
        for (int start : new int[] {0, 2, 100, -4}) {
            var at = ints(new Domain.Constant(start));
            for (var dtype : anything()) {
                var domain = dtype == real ? NORMAL : dtype == DType.BOOL ? BITS : SMALL;
                boolean smooth = dtype == real;
                for (int n : SIZES) {
                    rows.add(new OpCase(
                            new Primitive.DynamicSlice(1, n), List.of(of(dtype, domain, 3, n + 4), at), 0, smooth));
                    rows.add(new OpCase(
                            new Primitive.DynamicUpdateSlice(1),
                            List.of(of(dtype, domain, 3, n + 4), of(dtype, domain, 3, n), at),
                            0,
                            smooth));
                }
                rows.add(new OpCase(
                        new Primitive.DynamicSlice(0, 3), List.of(of(dtype, domain, 7, LANES + 1), at), 0, smooth));
                rows.add(new OpCase(
                        new Primitive.DynamicUpdateSlice(1),
                        List.of(of(dtype, domain, 2, 9, 3, LANES), of(dtype, domain, 2, 4, 3, LANES), at),
                        0,
                        smooth));
            }
        }
    }

    private void annotate() {
        smooth(new Primitive.Annotate(new Note.Barrier()), 0, real(NORMAL, LANES + 1));
        smooth(
                new Primitive.Annotate(new Note.Barrier()),
                0,
                real(NORMAL, 3, 5),
                ints(SMALL, 7),
                bools(2),
                real(NORMAL));
        row(new Primitive.Annotate(new Note.StopGradient()), 0, real(NORMAL, 3, 5));
        smooth(new Primitive.Annotate(new Note.Sharding(List.of("data", ""))), 0, real(NORMAL, 4, 5));
    }

    private void norm() {
        var dims = new ArrayList<int[]>();
        SIZES.stream().filter(d -> d > 0).forEach(d -> dims.add(dims(3, d)));
        dims.addAll(List.of(dims(0, 5), dims(1, 1024), dims(2, 5, 2 * LANES), dims(7)));
        for (int[] d : dims) {
            int width = d[d.length - 1];
            int terms = 2 * IntStream.of(d).reduce(1, (a, b) -> a * b) + 2;
            smooth(new Primitive.RmsNorm(1e-6), width + 1, real(NORMAL, d), real(NORMAL, width));
            smooth(new Primitive.RmsNormGrad(1e-6), terms, real(NORMAL, d), real(NORMAL, width), real(NORMAL, d));
        }
    }

    private void rope() {
        int last = 60;
        for (boolean inverse : new boolean[] {false, true}) {
            var prim = new Primitive.Rope(10_000, inverse);
            // The rounding error of an angle grows with the position, not with its root.
            int terms = last * last;
            for (int half : new int[] {1, LANES - 1, LANES, LANES + 1}) {
                smooth(prim, terms, real(NORMAL, 2, 5, 3, 2 * half), ints(COUNT, 5));
            }
            smooth(prim, terms, real(NORMAL, 1, 7, 2, 64), ints(new Domain.Whole(0, last), 7));
            smooth(prim, terms, real(NORMAL, 1, 0, 2, 8), ints(COUNT, 0));
            smooth(new Primitive.Rope(1_000_000, inverse), terms, real(NORMAL, 1, 3, 4, 128), ints(COUNT, 3));
        }
    }

    private void softmax() {
        SIZES.forEach(n -> smooth(new Primitive.Softmax(), n + 2, real(NORMAL, 3, n)));
        smooth(new Primitive.Softmax(), 7, real(new Domain.Between(-8, 8), 2, 3, 5));
        smooth(new Primitive.Softmax(), 7, real(NORMAL, 5));
        smooth(new Primitive.Softmax(), 2, real(NORMAL, 0, 5));
        // More than one partial sum of a row.
        row(new Primitive.Softmax(), 33_003, real(NORMAL, 2, 33_003));
        row(new Primitive.Softmax(), 97, real(new Domain.Between(-200, 200), 2, 97));
    }

    private void swiGlu() {
        var wide = new Domain.Between(-8, 8);
        for (int n : SIZES) {
            smooth(new Primitive.SwiGlu(), 2, real(wide, n), real(NORMAL, n));
            smooth(new Primitive.SwiGluGrad(), 2, real(wide, n), real(NORMAL, n), real(NORMAL, n));
        }
        smooth(new Primitive.SwiGlu(), 2, real(wide, 3, LANES + 1, 2), real(NORMAL, 3, LANES + 1, 2));
        row(new Primitive.SwiGlu(), 2, real(new Domain.Between(-200, 200), 97), real(NORMAL, 97));
        row(new Primitive.SwiGluGrad(), 2, real(new Domain.Between(-200, 200), 97), real(NORMAL, 97), real(NORMAL, 97));
    }

    private void attention() {
        for (var mask : AttentionMask.values()) {
            attention(mask, 1, 1, 1, 1, 1, 2, 0, 0);
            attention(mask, 2, 5, 5, 4, 2, LANES, 0, 0);
            attention(mask, 1, LANES + 1, 2 * LANES + 3, 2, 1, LANES - 1, LANES + 2, 0);
            attention(mask, 2, 3, 7, 2, 2, LANES + 1, 4, 0);
            attention(mask, 1, 67, 67, 2, 1, 16, 0, 0);
            attention(mask, 2, 9, 9, 4, 2, 8, 0, 2);
            attention(mask, 1, 33, 130, 2, 1, 64, 97, 1);
            // Positions beyond the range of I32.
            attention(mask, 1, 5, 7, 2, 1, 4, Integer.MAX_VALUE - 2, 0);
            attention(mask, 1, 5, 7, 2, 1, 4, Integer.MIN_VALUE, 1);
            attention(mask, 1, 0, 3, 2, 1, 4, 0, 0);
            attention(mask, 1, 2, 0, 2, 1, 4, 0, 0);
            attention(mask, 2, 2, 0, 4, 2, 4, 0, 0);
        }
    }

    /** Segments 0 up to {@code segments} for keys, one more for queries, so that with several some see nothing. */
    private void attention(AttentionMask mask, int b, int t, int s, int h, int k, int d, int start, int segments) {
        var prim = new Primitive.Attention(1 / Math.sqrt(d), mask);
        var operands = new ArrayList<>(List.of(
                real(NORMAL, b, t, h, d),
                real(NORMAL, b, s, k, d),
                real(NORMAL, b, s, k, d),
                ints(segments == 0 ? new Domain.Constant(0) : new Domain.Whole(0, segments + 1), b, t),
                ints(segments == 0 ? new Domain.Constant(0) : new Domain.Whole(0, segments), b, s),
                ints(new Domain.Constant(start))));
        // The log-sum-exp of a query that sees nothing is -infinity, which has no difference quotient.
        boolean smooth = segments == 0 && s > 0;
        int terms = 2 * Math.max(d, s);
        rows.add(new OpCase(prim, operands, terms, smooth));
        operands.add(real(new Domain.Result(prim, 6, 0), b, t, h, d));
        operands.add(of(real.accumulator(), new Domain.Result(prim, 6, 1), b, h, t));
        operands.add(real(NORMAL, b, t, h, d));
        rows.add(new OpCase(
                new Primitive.AttentionGrad(prim.scale(), mask), operands, terms * Math.max(1, h / k * t), smooth));
    }

    private void crossEntropy() {
        for (int v : SIZES) {
            if (v > 0) {
                crossEntropy(3, v);
            }
        }
        crossEntropy(0, 5);
        crossEntropy(1, 1031);
        crossEntropy(LANES + 1, 3);
    }

    private void crossEntropy(int n, int v) {
        var logits = real(new Domain.Between(-6, 6), n, v);
        var targets = ints(new Domain.Whole(0, v - 1), n);
        var prim = new Primitive.CrossEntropy();
        smooth(prim, v + 1, logits, targets);
        smooth(
                new Primitive.CrossEntropyGrad(),
                v + 1,
                logits,
                targets,
                of(real.accumulator(), new Domain.Result(prim, 2, 1), n),
                of(real.accumulator(), NORMAL, n));
    }

    private void argMax() {
        for (int n : SIZES) {
            if (n > 0) {
                argMax(1, 3, n);
                argMax(0, n, LANES + 1);
                argMax(1, 2, n, 3);
            }
        }
        argMax(1, 2, 1031);
        argMax(0, 5);
        argMax(1, 0, 5);
        row(
                new Primitive.ArgMax(1),
                0,
                real(
                        new Domain.Cycle(
                                List.of(
                                        Double.NEGATIVE_INFINITY,
                                        Double.NEGATIVE_INFINITY,
                                        Double.POSITIVE_INFINITY,
                                        3e38),
                                1),
                        5,
                        7));
        row(new Primitive.ArgMax(1), 0, real(new Domain.Constant(Double.NEGATIVE_INFINITY), 2, LANES + 1));
    }

    private void argMax(int axis, int... dims) {
        var prim = new Primitive.ArgMax(axis);
        smooth(prim, 0, real(DISTINCT, dims));
        row(prim, 0, real(SMALL, dims));
        row(prim, 0, ints(SMALL, dims));
    }

    /** More elements than one thread takes at a time. */
    private void large() {
        int a = 199;
        int b = 211;
        var x = real(POSITIVE, a, b);
        var bits = bools(a, b);
        var ints = ints(SMALL, a, b);
        for (var op : UnaryOp.values()) {
            row(new Primitive.Unary(op), 2, op == UnaryOp.NOT ? bits : x);
        }
        for (var op : BinaryOp.values()) {
            boolean logical = op == BinaryOp.AND || op == BinaryOp.OR;
            row(new Primitive.Binary(op), 1, logical ? bits : x, logical ? bits : x);
        }
        row(new Primitive.Compare(CompareOp.LT), 0, ints, ints);
        row(new Primitive.Select(), 0, bits, x, x);
        row(new Primitive.Convert(DType.I32), 0, x);
        row(new Primitive.Convert(real), 0, ints);
        row(new Primitive.Reshape(Shape.of(b, a)), 0, x);
        row(new Primitive.Transpose(List.of(1, 0)), 0, x);
        row(new Primitive.Broadcast(Shape.of(a, b), List.of(1)), 0, real(NORMAL, b));
        row(new Primitive.Broadcast(Shape.of(a, b), List.of(0)), 0, real(NORMAL, a));
        row(new Primitive.Slice(List.of(1, 2), List.of(a, b - 1)), 0, x);
        row(new Primitive.Pad(List.of(1, 2), List.of(3, 4)), 0, x);
        row(new Primitive.Concat(1), 0, x, real(NORMAL, a, 3), x);
        row(new Primitive.Annotate(new Note.Barrier()), 0, x, ints);
        for (var op : ReduceOp.values()) {
            int terms = op == ReduceOp.SUM ? a * b : 0;
            row(new Primitive.Reduce(op, List.of(0)), terms, x);
            row(new Primitive.Reduce(op, List.of(1)), terms, x);
            row(new Primitive.Reduce(op, List.of(0, 1)), terms, x);
        }
        row(
                new Primitive.Dot(List.of(), List.of(), List.of(1), List.of(1), real.accumulator()),
                b,
                x,
                real(NORMAL, 67, b));
        row(new Primitive.TakeRows(), 0, x, ints(new Domain.Whole(0, a - 1), 300));
        row(new Primitive.ScatterAddRows(50), a, ints(new Domain.Whole(0, 49), a), x);
        row(new Primitive.DynamicSlice(1, b - 2), 0, x, ints(new Domain.Constant(1)));
        row(new Primitive.DynamicUpdateSlice(0), 0, x, real(NORMAL, a - 2, b), ints(new Domain.Constant(1)));
        row(new Primitive.RmsNorm(1e-6), b, x, real(NORMAL, b));
        row(new Primitive.RmsNormGrad(1e-6), a * b, x, real(NORMAL, b), real(NORMAL, a, b));
        row(new Primitive.Rope(10_000, false), 50 * 50, real(NORMAL, 3, 50, 4, 64), ints(COUNT, 50));
        row(new Primitive.SwiGlu(), 2, x, x);
        row(new Primitive.SwiGluGrad(), 2, x, x, x);
        row(new Primitive.CrossEntropy(), 10_007, real(NORMAL, 5, 10_007), ints(new Domain.Whole(0, 10_006), 5));
        row(new Primitive.ArgMax(1), 0, x);
        row(new Primitive.ArgMax(0), 0, x);
        var scalar = real(new Domain.Constant(0.5));
        row(new Primitive.AdamW(0.9, 0.95, 1e-8), 3, x, x, x, x, scalar, scalar, scalar, scalar);
        row(
                new Primitive.Adafactor(1e-30, 1, true, false),
                a * b,
                x,
                real(POSITIVE, a),
                real(POSITIVE, b),
                x,
                scalar,
                scalar,
                scalar,
                scalar);
    }

    private void scan() {
        for (int length : new int[] {1, 4}) {
            var each = Trace.of("each", in -> List.of(in.getFirst().exp()), List.of(TensorType.of(real, 5)));
            smooth(new Primitive.Scan(each, length, 0, 0, false, false), 1, real(SMALL, length, 5));
            for (boolean reverse : new boolean[] {false, true}) {
                for (boolean checkpoint : new boolean[] {false, true}) {
                    // A step's rounding goes through the following ones.
                    smooth(
                            new Primitive.Scan(recurrence(), length, 2, 2, reverse, checkpoint),
                            1000,
                            real(NORMAL, 2, 3),
                            ints(SMALL),
                            real(NORMAL, 3),
                            ints(SMALL),
                            real(NORMAL, length, 3, 3),
                            ints(COUNT, length));
                }
            }
        }
    }

    /** Two carries, two constants, slices of two stacks; two outputs; floating-point and not of each. */
    private Program recurrence() {
        return Trace.of(
                "recurrence",
                in -> {
                    var h = in.get(0);
                    var mixed = h.linear(in.get(4)).logistic();
                    var next = h.add(mixed.then(new Primitive.RmsNorm(1e-3), in.get(2)));
                    var count = in.get(1).add(in.get(3));
                    return List.of(next, count, next.mul(h), count.mul(in.get(5)));
                },
                List.of(
                        TensorType.of(real, 2, 3),
                        TensorType.i32(),
                        TensorType.of(real, 3),
                        TensorType.i32(),
                        TensorType.of(real, 3, 3),
                        TensorType.i32()));
    }

    private void adamW() {
        var dims = new ArrayList<int[]>();
        SIZES.forEach(n -> dims.add(dims(n)));
        dims.add(dims(3, LANES + 1));
        for (int[] d : dims) {
            smooth(
                    new Primitive.AdamW(0.9, 0.95, 1e-8),
                    3,
                    real(NORMAL, d),
                    real(NORMAL, d),
                    real(POSITIVE, d),
                    real(NORMAL, d),
                    real(new Domain.Constant(0.03)),
                    real(new Domain.Constant(0.1)),
                    real(new Domain.Constant(2.5)),
                    real(new Domain.Constant(4)));
        }
    }

    private void adafactor() {
        var matrices = new ArrayList<int[]>();
        SIZES.stream().filter(n -> n > 0).forEach(n -> matrices.add(dims(3, n)));
        matrices.add(dims(LANES + 1, 2));
        matrices.add(dims(2, 3, LANES + 1));
        for (int[] d : matrices) {
            int rank = d.length;
            var rows = IntStream.range(0, rank - 1).map(i -> d[i]).toArray();
            var columns = IntStream.range(0, rank)
                    .filter(i -> i != rank - 2)
                    .map(i -> d[i])
                    .toArray();
            for (boolean isStack : rank == 2 ? new boolean[] {false} : new boolean[] {false, true}) {
                adafactor(true, isStack, real(NORMAL, d), real(POSITIVE, rows), real(POSITIVE, columns));
            }
        }
        adafactor(false, false, real(NORMAL, LANES + 1), real(POSITIVE, LANES + 1));
        adafactor(false, true, real(NORMAL, 2, LANES + 1), real(POSITIVE, 2, LANES + 1));
    }

    /** Clipped and not; the root mean square of the update is well between the two thresholds. */
    private void adafactor(boolean isFactored, boolean isStack, Operand p, Operand... moments) {
        for (double clipThreshold : new double[] {0.01, 100}) {
            var operands = new ArrayList<Operand>();
            operands.add(p);
            operands.addAll(List.of(moments));
            operands.add(p);
            for (double scalar : new double[] {0.03, 0.1, 0.75, 0.25}) {
                operands.add(real(new Domain.Constant(scalar)));
            }
            int terms = (int) p.type().size() + 10;
            smooth(
                    new Primitive.Adafactor(1e-6, clipThreshold, isFactored, isStack),
                    terms,
                    operands.toArray(Operand[]::new));
        }
    }
}
