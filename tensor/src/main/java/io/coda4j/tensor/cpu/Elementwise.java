package io.coda4j.tensor.cpu;

import static io.coda4j.tensor.cpu.Lanes.ALL;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Functions of one index: unary, binary, comparisons, select and conversions. F32 and I32 in vectors, BF16 by way of
 * F32, F16 as {@link HalfKernel} says, BOOL, I8 and the conversions that nobody waits for in scalar loops; F64 is left to the reference kernels.
 */
final class Elementwise {
    private Elementwise() {}

    /** A loop for one primitive and its element types. */
    private sealed interface Form {
        /** In vectors of 4-byte elements; BF16 by way of F32. */
        record Vectors(LaneLoop loop) implements Form {}

        record Scalars(ScalarLoop loop) implements Form {}
    }

    /**
     * A loop over elements 0 .. n-1 at the addresses of operands and result, in this order, as a link of a chain: blocks of
     * at most {@link Scratch#SLOT} elements, of which whole vectors may be read and written.
     */
    @FunctionalInterface
    interface BlockLoop {
        void run(long[] s, int n);
    }

    /** The kernel for {@code prim}, or empty where the reference kernel serves. */
    static Optional<Kernel> kernel(Parallel parallel, Primitive.Pointwise prim, List<TensorType> in, TensorType out) {
        if (prim instanceof Primitive.Convert && in.getFirst().dtype() == out.dtype()) {
            return Optional.of(Movement.copy(parallel, out.byteSize()));
        }
        var types = in.stream().map(TensorType::dtype).toList();
        return Optional.ofNullable(form(prim, types, out.dtype())).map(form -> switch (form) {
            case Form.Vectors(var loop) -> loop.kernel(parallel, out.dtype(), out.size(), in.size());
            case Form.Scalars(var loop) -> scalars(parallel, out.size(), loop, widths(types, out.dtype()));
        });
    }

    /** The bytes of an element of each operand and of the result. */
    private static int[] widths(List<DType> in, DType out) {
        return Stream.concat(in.stream(), Stream.of(out)).mapToInt(DType::bytes).toArray();
    }

    /** The loop that computes the same bits as {@link #kernel} on a block, or null where there is none. */
    static @Nullable BlockLoop block(Primitive.Pointwise prim, List<DType> in, DType out) {
        return switch (form(prim, in, out)) {
            case null -> null;
            case Form.Vectors(var loop) ->
                out == DType.BF16 ? narrowBlock(loop, in.size()) : wideBlock(loop, in.size());
            case Form.Scalars(var loop) -> loop::run;
        };
    }

    private static BlockLoop wideBlock(LaneLoop loop, int operands) {
        return (s, n) -> {
            long[] out = Scratch.ofThread().out;
            out[0] = s[operands];
            loop.run(s, out, Lanes.F32.loopBound(n + Lanes.COUNT - 1));
        };
    }

    private static BlockLoop narrowBlock(LaneLoop loop, int operands) {
        return (s, n) -> {
            var scratch = Scratch.ofThread();
            for (int i = 0; i < operands; i++) {
                scratch.in[i] = scratch.address(i);
                LaneLoop.widen(s[i], scratch.in[i], n);
            }
            scratch.out[0] = scratch.address(operands);
            loop.run(scratch.in, scratch.out, Lanes.F32.loopBound(n + Lanes.COUNT - 1));
            LaneLoop.narrow(scratch.out[0], s[operands], n);
        };
    }

    private static @Nullable Form form(Primitive.Pointwise prim, List<DType> in, DType out) {
        return switch (prim) {
            case Primitive.Unary(var op) -> unary(op, out);
            case Primitive.Binary(var op) -> binary(op, out);
            case Primitive.Compare(var op) -> compare(op, in.getFirst());
            case Primitive.Select _ -> select(out);
            case Primitive.Convert _ -> convert(in.getFirst(), out);
        };
    }

    private static @Nullable Form unary(UnaryOp op, DType dtype) {
        return switch (dtype) {
            case F32, BF16 -> vectors(floatLoop(op));
            case I32 -> op == UnaryOp.NEG ? vectors(Elementwise::negInts) : null;
            case BOOL -> new Form.Scalars(Elementwise::not);
            case I8, F16, F64 -> null;
        };
    }

    private static @Nullable Form binary(BinaryOp op, DType dtype) {
        return switch (dtype) {
            case F32, BF16 -> vectors(floatLoop(op));
            case I32 -> vectors(intLoop(op));
            case BOOL ->
                switch (op) {
                    case AND -> new Form.Scalars(Elementwise::and);
                    case OR -> new Form.Scalars(Elementwise::or);
                    case ADD, SUB, MUL, DIV, MAX, MIN -> null;
                };
            case I8, F16, F64 -> null;
        };
    }

    private static @Nullable Form compare(CompareOp op, DType dtype) {
        return switch (dtype) {
            case F32 -> new Form.Scalars(floatLoop(op));
            case BF16 -> new Form.Scalars(narrowLoop(op));
            case I32 -> new Form.Scalars(intLoop(op));
            case BOOL, I8, F16, F64 -> null;
        };
    }

    private static Form select(DType dtype) {
        ScalarLoop loop = switch (dtype) {
            case BOOL, I8 -> Elementwise::selectBytes;
            case F16, BF16 -> Elementwise::selectShorts;
            case F32, I32 -> Elementwise::selectInts;
            case F64 -> Elementwise::selectLongs;
        };
        return new Form.Scalars(loop);
    }

    private static @Nullable Form convert(DType from, DType to) {
        if (from == DType.F32 && to == DType.I32) {
            return new Form.Vectors(Elementwise::floatsToInts);
        }
        if (from == DType.I32 && to == DType.F32) {
            return new Form.Vectors(Elementwise::intsToFloats);
        }
        var loop = conversion(from, to);
        return loop == null ? null : new Form.Scalars(loop);
    }

    private static @Nullable Form vectors(@Nullable LaneLoop loop) {
        return loop == null ? null : new Form.Vectors(loop);
    }

    private static @Nullable ScalarLoop conversion(DType from, DType to) {
        return switch (from) {
            case BOOL ->
                switch (to) {
                    case F32 -> Elementwise::boolsToFloats;
                    case I32 -> Elementwise::boolsToInts;
                    case F16 -> Elementwise::boolsToHalves;
                    case BF16 -> Elementwise::boolsToBf16;
                    case BOOL, I8, F64 -> null;
                };
            case I32 ->
                switch (to) {
                    case BOOL -> Elementwise::intsToBools;
                    case F16 -> Elementwise::intsToHalves;
                    case BF16 -> Elementwise::intsToBf16;
                    case I8 -> Elementwise::intsToBytes;
                    case I32, F32, F64 -> null;
                };
            case I8 ->
                switch (to) {
                    case F32 -> Elementwise::bytesToFloats;
                    case I32 -> Elementwise::bytesToInts;
                    case BOOL, I8, F16, BF16, F64 -> null;
                };
            case F16 ->
                switch (to) {
                    case F32 -> (s, n) -> HalfLanes.widen(s[0], s[1], n);
                    case BF16 -> Elementwise::halvesToBf16;
                    case BOOL -> Elementwise::halvesToBools;
                    case I32 -> Elementwise::halvesToInts;
                    case I8, F16, F64 -> null;
                };
            case BF16 ->
                switch (to) {
                    case F16 -> Elementwise::bf16ToHalves;
                    case F32 -> (s, n) -> LaneLoop.widen(s[0], s[1], n);
                    case BOOL -> Elementwise::bf16ToBools;
                    case I32 -> Elementwise::bf16ToInts;
                    case I8, BF16, F64 -> null;
                };
            case F32 ->
                switch (to) {
                    case F16 -> (s, n) -> HalfLanes.narrow(s[0], s[1], n);
                    case BF16 -> (s, n) -> LaneLoop.narrow(s[0], s[1], n);
                    case BOOL -> Elementwise::floatsToBools;
                    case I8 -> Elementwise::floatsToBytes;
                    case I32, F32, F64 -> null;
                };
            case F64 -> null;
        };
    }

    private static @Nullable LaneLoop floatLoop(UnaryOp op) {
        return switch (op) {
            case NEG -> Elementwise::neg;
            case EXP -> Elementwise::exp;
            case LOG -> Elementwise::log;
            case SQRT -> Elementwise::sqrt;
            case RSQRT -> Elementwise::rsqrt;
            case LOGISTIC -> Elementwise::logistic;
            case SIN -> Elementwise::sin;
            case COS -> Elementwise::cos;
            case ROUND -> Elementwise::round;
            case NOT -> null;
        };
    }

    private static @Nullable LaneLoop floatLoop(BinaryOp op) {
        return switch (op) {
            case ADD -> Elementwise::add;
            case SUB -> Elementwise::sub;
            case MUL -> Elementwise::mul;
            case DIV -> Elementwise::div;
            case MAX -> Elementwise::max;
            case MIN -> Elementwise::min;
            case AND, OR -> null;
        };
    }

    /** Division is left to the reference kernel, which says what a division by 0 is. */
    private static @Nullable LaneLoop intLoop(BinaryOp op) {
        return switch (op) {
            case ADD -> Elementwise::addInts;
            case SUB -> Elementwise::subInts;
            case MUL -> Elementwise::mulInts;
            case MAX -> Elementwise::maxInts;
            case MIN -> Elementwise::minInts;
            case DIV, AND, OR -> null;
        };
    }

    private static void neg(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(x + i * 4L).neg(), y + i * 4L);
        }
    }

    private static void exp(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(VectorMath.exp(Lanes.load(x + i * 4L)), y + i * 4L);
        }
    }

    private static void log(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(VectorMath.log(Lanes.load(x + i * 4L)), y + i * 4L);
        }
    }

    private static void sqrt(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(x + i * 4L).sqrt(), y + i * 4L);
        }
    }

    private static void rsqrt(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        var one = FloatVector.broadcast(Lanes.F32, 1f);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(one.div(Lanes.load(x + i * 4L).sqrt()), y + i * 4L);
        }
    }

    private static void logistic(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(VectorMath.logistic(Lanes.load(x + i * 4L)), y + i * 4L);
        }
    }

    /** Scalar: only tables of angles are made of it. */
    private static void sin(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i++) {
            setFloat(y, i, (float) Math.sin(floatAt(x, i)));
        }
    }

    private static void cos(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i++) {
            setFloat(y, i, (float) Math.cos(floatAt(x, i)));
        }
    }

    private static void round(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(VectorMath.round(Lanes.load(x + i * 4L)), y + i * 4L);
        }
    }

    private static void add(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a + i * 4L).add(Lanes.load(b + i * 4L)), y + i * 4L);
        }
    }

    private static void sub(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a + i * 4L).sub(Lanes.load(b + i * 4L)), y + i * 4L);
        }
    }

    private static void mul(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a + i * 4L).mul(Lanes.load(b + i * 4L)), y + i * 4L);
        }
    }

    private static void div(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a + i * 4L).div(Lanes.load(b + i * 4L)), y + i * 4L);
        }
    }

    /** As {@link Math#max(float, float)}: NaN wins, and +0 is above -0. */
    private static void max(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a + i * 4L).max(Lanes.load(b + i * 4L)), y + i * 4L);
        }
    }

    private static void min(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a + i * 4L).min(Lanes.load(b + i * 4L)), y + i * 4L);
        }
    }

    private static void negInts(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(x + i * 4L).neg(), y + i * 4L);
        }
    }

    private static void addInts(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a + i * 4L).add(Lanes.loadInts(b + i * 4L)), y + i * 4L);
        }
    }

    private static void subInts(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a + i * 4L).sub(Lanes.loadInts(b + i * 4L)), y + i * 4L);
        }
    }

    private static void mulInts(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a + i * 4L).mul(Lanes.loadInts(b + i * 4L)), y + i * 4L);
        }
    }

    private static void maxInts(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a + i * 4L).max(Lanes.loadInts(b + i * 4L)), y + i * 4L);
        }
    }

    private static void minInts(long[] in, long[] out, int n) {
        long a = in[0];
        long b = in[1];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a + i * 4L).min(Lanes.loadInts(b + i * 4L)), y + i * 4L);
        }
    }

    /** The cast of the language: truncates, saturates, and makes 0 of NaN. */
    private static void floatsToInts(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            var ints = Lanes.load(x + i * 4L).convert(VectorOperators.F2I, 0);
            Lanes.store(ints.reinterpretAsInts(), y + i * 4L);
        }
    }

    private static void intsToFloats(long[] in, long[] out, int n) {
        long x = in[0];
        long y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            var floats = Lanes.loadInts(x + i * 4L).convert(VectorOperators.I2F, 0);
            Lanes.store(floats.reinterpretAsFloats(), y + i * 4L);
        }
    }

    /** A loop over single elements 0 .. n-1 of operands and result, in this order. */
    @FunctionalInterface
    private interface ScalarLoop {
        void run(long[] s, int n);
    }

    private static Kernel scalars(Parallel parallel, long size, ScalarLoop loop, int... widths) {
        return Launch.of(parallel, LaneLoop.pieces(size), (in, out, task) -> {
            var s = Scratch.ofThread().in;
            for (int i = 0; i < widths.length; i++) {
                long start = LaneLoop.address(i < in.length ? in[i] : out[0], size * widths[i]);
                s[i] = start + (long) task * LaneLoop.PIECE * widths[i];
            }
            loop.run(s, LaneLoop.count(size, task));
        });
    }

    private static ScalarLoop floatLoop(CompareOp op) {
        return switch (op) {
            case EQ -> (s, n) -> equalFloats(s[0], s[1], s[2], n);
            case NE -> (s, n) -> differentFloats(s[0], s[1], s[2], n);
            case LT -> (s, n) -> lessFloats(s[0], s[1], s[2], n);
            case LE -> (s, n) -> atMostFloats(s[0], s[1], s[2], n);
            case GT -> (s, n) -> lessFloats(s[1], s[0], s[2], n);
            case GE -> (s, n) -> atMostFloats(s[1], s[0], s[2], n);
        };
    }

    private static ScalarLoop intLoop(CompareOp op) {
        return switch (op) {
            case EQ -> (s, n) -> equalInts(s[0], s[1], s[2], n);
            case NE -> (s, n) -> differentInts(s[0], s[1], s[2], n);
            case LT -> (s, n) -> lessInts(s[0], s[1], s[2], n);
            case LE -> (s, n) -> atMostInts(s[0], s[1], s[2], n);
            case GT -> (s, n) -> lessInts(s[1], s[0], s[2], n);
            case GE -> (s, n) -> atMostInts(s[1], s[0], s[2], n);
        };
    }

    private static ScalarLoop narrowLoop(CompareOp op) {
        var wide = floatLoop(op);
        return (s, n) -> {
            var scratch = Scratch.ofThread();
            scratch.block[0] = scratch.address(0);
            scratch.block[1] = scratch.address(1);
            for (int done = 0; done < n; done += Scratch.SLOT) {
                int block = Math.min(Scratch.SLOT, n - done);
                LaneLoop.widen(s[0] + done * 2L, scratch.address(0), block);
                LaneLoop.widen(s[1] + done * 2L, scratch.address(1), block);
                scratch.block[2] = s[2] + done;
                wide.run(scratch.block, block);
            }
        };
    }

    private static void setBool(long y, int i, boolean value) {
        ALL.set(JAVA_BYTE, y + i, (byte) (value ? 1 : 0));
    }

    private static void setFloat(long y, int i, float value) {
        ALL.set(JAVA_FLOAT_UNALIGNED, y + i * 4L, value);
    }

    private static void setInt(long y, int i, int value) {
        ALL.set(JAVA_INT_UNALIGNED, y + i * 4L, value);
    }

    private static void setShort(long y, int i, short value) {
        ALL.set(JAVA_SHORT_UNALIGNED, y + i * 2L, value);
    }

    private static float floatAt(long x, int i) {
        return ALL.get(JAVA_FLOAT_UNALIGNED, x + i * 4L);
    }

    private static int intAt(long x, int i) {
        return ALL.get(JAVA_INT_UNALIGNED, x + i * 4L);
    }

    private static short shortAt(long x, int i) {
        return ALL.get(JAVA_SHORT_UNALIGNED, x + i * 2L);
    }

    private static boolean boolAt(long x, int i) {
        return ALL.get(JAVA_BYTE, x + i) != 0;
    }

    private static float bf16At(long x, int i) {
        return Bf16.toFloat(shortAt(x, i));
    }

    private static void equalFloats(long a, long b, long y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(a, i) == floatAt(b, i));
        }
    }

    private static void differentFloats(long a, long b, long y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(a, i) != floatAt(b, i));
        }
    }

    private static void lessFloats(long a, long b, long y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(a, i) < floatAt(b, i));
        }
    }

    private static void atMostFloats(long a, long b, long y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(a, i) <= floatAt(b, i));
        }
    }

    private static void equalInts(long a, long b, long y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(a, i) == intAt(b, i));
        }
    }

    private static void differentInts(long a, long b, long y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(a, i) != intAt(b, i));
        }
    }

    private static void lessInts(long a, long b, long y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(a, i) < intAt(b, i));
        }
    }

    private static void atMostInts(long a, long b, long y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(a, i) <= intAt(b, i));
        }
    }

    private static void not(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, !boolAt(x, i));
        }
    }

    private static void and(long[] s, int n) {
        long a = s[0];
        long b = s[1];
        long y = s[2];
        for (int i = 0; i < n; i++) {
            setBool(y, i, boolAt(a, i) & boolAt(b, i));
        }
    }

    private static void or(long[] s, int n) {
        long a = s[0];
        long b = s[1];
        long y = s[2];
        for (int i = 0; i < n; i++) {
            setBool(y, i, boolAt(a, i) | boolAt(b, i));
        }
    }

    private static void selectBytes(long[] s, int n) {
        long p = s[0];
        long a = s[1];
        long b = s[2];
        long y = s[3];
        for (int i = 0; i < n; i++) {
            byte left = ALL.get(JAVA_BYTE, a + i);
            byte right = ALL.get(JAVA_BYTE, b + i);
            ALL.set(JAVA_BYTE, y + i, boolAt(p, i) ? left : right);
        }
    }

    private static void selectShorts(long[] s, int n) {
        long p = s[0];
        long a = s[1];
        long b = s[2];
        long y = s[3];
        for (int i = 0; i < n; i++) {
            short left = shortAt(a, i);
            short right = shortAt(b, i);
            setShort(y, i, boolAt(p, i) ? left : right);
        }
    }

    private static void selectInts(long[] s, int n) {
        long p = s[0];
        long a = s[1];
        long b = s[2];
        long y = s[3];
        int i = 0;
        for (; i < Lanes.BOOL.loopBound(n); i += Lanes.BOOL.length()) {
            var flags = Lanes.loadBools(p + i);
            for (int part = 0; part < Lanes.BOOL.length() / Lanes.COUNT; part++) {
                long at = (i + part * Lanes.COUNT) * 4L;
                var selected = Lanes.loadInts(b + at).blend(Lanes.loadInts(a + at), Lanes.mask(flags, part));
                Lanes.store(selected, y + at);
            }
        }
        for (; i < n; i++) {
            setInt(y, i, boolAt(p, i) ? intAt(a, i) : intAt(b, i));
        }
    }

    private static void selectLongs(long[] s, int n) {
        long p = s[0];
        long a = s[1];
        long b = s[2];
        long y = s[3];
        for (int i = 0; i < n; i++) {
            long left = ALL.get(JAVA_LONG_UNALIGNED, a + i * 8L);
            long right = ALL.get(JAVA_LONG_UNALIGNED, b + i * 8L);
            ALL.set(JAVA_LONG_UNALIGNED, y + i * 8L, boolAt(p, i) ? left : right);
        }
    }

    private static void boolsToFloats(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setFloat(y, i, boolAt(x, i) ? 1 : 0);
        }
    }

    private static void boolsToInts(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setInt(y, i, boolAt(x, i) ? 1 : 0);
        }
    }

    private static void boolsToBf16(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setShort(y, i, Bf16.fromFloat(boolAt(x, i) ? 1 : 0));
        }
    }

    private static void bytesToInts(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setInt(y, i, ALL.get(JAVA_BYTE, x + i));
        }
    }

    private static void bytesToFloats(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setFloat(y, i, ALL.get(JAVA_BYTE, x + i));
        }
    }

    private static void intsToBytes(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            ALL.set(JAVA_BYTE, y + i, clamped(intAt(x, i)));
        }
    }

    private static void floatsToBytes(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            ALL.set(JAVA_BYTE, y + i, clamped((int) floatAt(x, i)));
        }
    }

    private static byte clamped(int value) {
        return (byte) Math.clamp(value, Byte.MIN_VALUE, Byte.MAX_VALUE);
    }

    private static void intsToBools(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(x, i) != 0);
        }
    }

    private static void intsToBf16(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setShort(y, i, Bf16.fromFloat(intAt(x, i)));
        }
    }

    private static void floatsToBools(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(x, i) != 0);
        }
    }

    private static void bf16ToBools(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, bf16At(x, i) != 0);
        }
    }

    private static void bf16ToInts(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setInt(y, i, (int) bf16At(x, i));
        }
    }

    private static void boolsToHalves(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setHalf(y, i, boolAt(x, i) ? 1 : 0);
        }
    }

    private static void intsToHalves(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setHalf(y, i, intAt(x, i));
        }
    }

    private static void halvesToBools(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, halfAt(x, i) != 0);
        }
    }

    private static void halvesToInts(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setInt(y, i, (int) halfAt(x, i));
        }
    }

    private static void halvesToBf16(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setShort(y, i, Bf16.fromFloat(halfAt(x, i)));
        }
    }

    private static void bf16ToHalves(long[] s, int n) {
        long x = s[0];
        long y = s[1];
        for (int i = 0; i < n; i++) {
            setHalf(y, i, bf16At(x, i));
        }
    }

    private static float halfAt(long address, int i) {
        return Float.float16ToFloat(ALL.get(JAVA_SHORT_UNALIGNED, address + i * 2L));
    }

    private static void setHalf(long address, int i, float value) {
        ALL.set(JAVA_SHORT_UNALIGNED, address + i * 2L, Float.floatToFloat16(value));
    }
}
