package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.exec.Kernel;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import org.jspecify.annotations.Nullable;

/**
 * Functions of one index: unary, binary, comparisons, select and conversions. F32 and I32 in vectors, BF16 by way of
 * F32, BOOL and the conversions that nobody waits for in scalar loops; F64 is left to the reference kernels.
 */
final class Elementwise {
    private Elementwise() {}

    static Optional<Kernel> unary(Parallel parallel, UnaryOp op, TensorType type) {
        return switch (type.dtype()) {
            case F32, BF16 -> lanes(parallel, floatLoop(op), type);
            case I32 -> op == UnaryOp.NEG ? lanes(parallel, Elementwise::negInts, type) : Optional.empty();
            case BOOL -> Optional.of(scalars(parallel, type.size(), Elementwise::not, 1, 1));
            case F64 -> Optional.empty();
        };
    }

    static Optional<Kernel> binary(Parallel parallel, BinaryOp op, TensorType type) {
        return switch (type.dtype()) {
            case F32, BF16 -> lanes(parallel, floatLoop(op), type);
            case I32 -> lanes(parallel, intLoop(op), type);
            case BOOL ->
                switch (op) {
                    case AND -> Optional.of(scalars(parallel, type.size(), Elementwise::and, 1, 1, 1));
                    case OR -> Optional.of(scalars(parallel, type.size(), Elementwise::or, 1, 1, 1));
                    case ADD, SUB, MUL, DIV, MAX, MIN -> Optional.empty();
                };
            case F64 -> Optional.empty();
        };
    }

    static Optional<Kernel> compare(Parallel parallel, CompareOp op, TensorType type) {
        return switch (type.dtype()) {
            case F32 -> Optional.of(scalars(parallel, type.size(), floatLoop(op), 4, 4, 1));
            case BF16 -> Optional.of(scalars(parallel, type.size(), narrowLoop(op), 2, 2, 1));
            case I32 -> Optional.of(scalars(parallel, type.size(), intLoop(op), 4, 4, 1));
            case BOOL, F64 -> Optional.empty();
        };
    }

    static Optional<Kernel> select(Parallel parallel, TensorType type) {
        ScalarLoop loop = switch (type.dtype()) {
            case BOOL -> Elementwise::selectBytes;
            case BF16 -> Elementwise::selectShorts;
            case F32, I32 -> Elementwise::selectInts;
            case F64 -> Elementwise::selectLongs;
        };
        int width = type.dtype().bytes();
        return Optional.of(scalars(parallel, type.size(), loop, 1, width, width, width));
    }

    static Optional<Kernel> convert(Parallel parallel, DType from, TensorType to) {
        if (from == to.dtype()) {
            return Optional.of(Movement.copy(parallel, to.byteSize()));
        }
        if (from == DType.F32 && to.dtype() == DType.I32) {
            return lanes(parallel, Elementwise::floatsToInts, to);
        }
        if (from == DType.I32 && to.dtype() == DType.F32) {
            return lanes(parallel, Elementwise::intsToFloats, to);
        }
        return Optional.ofNullable(conversion(from, to.dtype()))
                .map(loop -> scalars(
                        parallel, to.size(), loop, from.bytes(), to.dtype().bytes()));
    }

    private static @Nullable ScalarLoop conversion(DType from, DType to) {
        return switch (from) {
            case BOOL ->
                switch (to) {
                    case F32 -> Elementwise::boolsToFloats;
                    case I32 -> Elementwise::boolsToInts;
                    case BF16 -> Elementwise::boolsToBf16;
                    case BOOL, F64 -> null;
                };
            case I32 ->
                switch (to) {
                    case BOOL -> Elementwise::intsToBools;
                    case BF16 -> Elementwise::intsToBf16;
                    case I32, F32, F64 -> null;
                };
            case BF16 ->
                switch (to) {
                    case F32 -> (s, n) -> LaneLoop.widen(s[0], s[1], n);
                    case BOOL -> Elementwise::bf16ToBools;
                    case I32 -> Elementwise::bf16ToInts;
                    case BF16, F64 -> null;
                };
            case F32 ->
                switch (to) {
                    case BF16 -> (s, n) -> LaneLoop.narrow(s[0], s[1], n);
                    case BOOL -> Elementwise::floatsToBools;
                    case I32, F32, F64 -> null;
                };
            case F64 -> null;
        };
    }

    private static Optional<Kernel> lanes(Parallel parallel, @Nullable LaneLoop loop, TensorType type) {
        return Optional.ofNullable(loop).map(it -> it.kernel(parallel, type.dtype(), type.size()));
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

    private static void neg(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(x, i * 4L).neg(), y, i * 4L);
        }
    }

    private static void exp(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(VectorMath.exp(Lanes.load(x, i * 4L)), y, i * 4L);
        }
    }

    private static void log(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(VectorMath.log(Lanes.load(x, i * 4L)), y, i * 4L);
        }
    }

    private static void sqrt(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(x, i * 4L).sqrt(), y, i * 4L);
        }
    }

    private static void rsqrt(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        var one = FloatVector.broadcast(Lanes.F32, 1f);
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(one.div(Lanes.load(x, i * 4L).sqrt()), y, i * 4L);
        }
    }

    private static void logistic(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(VectorMath.logistic(Lanes.load(x, i * 4L)), y, i * 4L);
        }
    }

    /** Scalar: only tables of angles are made of it. */
    private static void sin(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i++) {
            y.set(JAVA_FLOAT_UNALIGNED, i * 4L, (float) Math.sin(floatAt(x, i)));
        }
    }

    private static void cos(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i++) {
            y.set(JAVA_FLOAT_UNALIGNED, i * 4L, (float) Math.cos(floatAt(x, i)));
        }
    }

    private static void add(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a, i * 4L).add(Lanes.load(b, i * 4L)), y, i * 4L);
        }
    }

    private static void sub(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a, i * 4L).sub(Lanes.load(b, i * 4L)), y, i * 4L);
        }
    }

    private static void mul(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a, i * 4L).mul(Lanes.load(b, i * 4L)), y, i * 4L);
        }
    }

    private static void div(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a, i * 4L).div(Lanes.load(b, i * 4L)), y, i * 4L);
        }
    }

    /** As {@link Math#max(float, float)}: NaN wins, and +0 is above -0. */
    private static void max(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a, i * 4L).max(Lanes.load(b, i * 4L)), y, i * 4L);
        }
    }

    private static void min(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.load(a, i * 4L).min(Lanes.load(b, i * 4L)), y, i * 4L);
        }
    }

    private static void negInts(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(x, i * 4L).neg(), y, i * 4L);
        }
    }

    private static void addInts(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a, i * 4L).add(Lanes.loadInts(b, i * 4L)), y, i * 4L);
        }
    }

    private static void subInts(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a, i * 4L).sub(Lanes.loadInts(b, i * 4L)), y, i * 4L);
        }
    }

    private static void mulInts(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a, i * 4L).mul(Lanes.loadInts(b, i * 4L)), y, i * 4L);
        }
    }

    private static void maxInts(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a, i * 4L).max(Lanes.loadInts(b, i * 4L)), y, i * 4L);
        }
    }

    private static void minInts(MemorySegment[] in, MemorySegment[] out, int n) {
        var a = in[0];
        var b = in[1];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            Lanes.store(Lanes.loadInts(a, i * 4L).min(Lanes.loadInts(b, i * 4L)), y, i * 4L);
        }
    }

    /** The cast of the language: truncates, saturates, and makes 0 of NaN. */
    private static void floatsToInts(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            var ints = Lanes.load(x, i * 4L).convert(VectorOperators.F2I, 0);
            Lanes.store(ints.reinterpretAsInts(), y, i * 4L);
        }
    }

    private static void intsToFloats(MemorySegment[] in, MemorySegment[] out, int n) {
        var x = in[0];
        var y = out[0];
        for (int i = 0; i < n; i += Lanes.COUNT) {
            var floats = Lanes.loadInts(x, i * 4L).convert(VectorOperators.I2F, 0);
            Lanes.store(floats.reinterpretAsFloats(), y, i * 4L);
        }
    }

    /** A loop over single elements 0 .. n-1 of operands and result, in this order. */
    @FunctionalInterface
    private interface ScalarLoop {
        void run(MemorySegment[] s, int n);
    }

    private static Kernel scalars(Parallel parallel, long size, ScalarLoop loop, int... widths) {
        return (in, out) -> LaneLoop.pieces(parallel, size, (from, n) -> {
            var slices = new MemorySegment[widths.length];
            for (int i = 0; i < slices.length; i++) {
                var whole = CpuBuffer.segment(i < in.length ? in[i] : out[0]);
                slices[i] = whole.asSlice(from * widths[i], (long) n * widths[i]);
            }
            loop.run(slices, n);
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
            var slots = Scratch.slots(0, 2);
            for (int done = 0; done < n; done += Scratch.SLOT) {
                int block = Math.min(Scratch.SLOT, n - done);
                LaneLoop.widen(s[0].asSlice(done * 2L), slots[0], block);
                LaneLoop.widen(s[1].asSlice(done * 2L), slots[1], block);
                wide.run(new MemorySegment[] {slots[0], slots[1], s[2].asSlice(done)}, block);
            }
        };
    }

    private static void setBool(MemorySegment y, int i, boolean value) {
        y.set(JAVA_BYTE, i, (byte) (value ? 1 : 0));
    }

    private static float floatAt(MemorySegment x, int i) {
        return x.get(JAVA_FLOAT_UNALIGNED, i * 4L);
    }

    private static int intAt(MemorySegment x, int i) {
        return x.get(JAVA_INT_UNALIGNED, i * 4L);
    }

    private static boolean boolAt(MemorySegment x, int i) {
        return x.get(JAVA_BYTE, i) != 0;
    }

    private static float bf16At(MemorySegment x, int i) {
        return Bf16.toFloat(x.get(JAVA_SHORT_UNALIGNED, i * 2L));
    }

    private static void equalFloats(MemorySegment a, MemorySegment b, MemorySegment y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(a, i) == floatAt(b, i));
        }
    }

    private static void differentFloats(MemorySegment a, MemorySegment b, MemorySegment y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(a, i) != floatAt(b, i));
        }
    }

    private static void lessFloats(MemorySegment a, MemorySegment b, MemorySegment y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(a, i) < floatAt(b, i));
        }
    }

    private static void atMostFloats(MemorySegment a, MemorySegment b, MemorySegment y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(a, i) <= floatAt(b, i));
        }
    }

    private static void equalInts(MemorySegment a, MemorySegment b, MemorySegment y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(a, i) == intAt(b, i));
        }
    }

    private static void differentInts(MemorySegment a, MemorySegment b, MemorySegment y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(a, i) != intAt(b, i));
        }
    }

    private static void lessInts(MemorySegment a, MemorySegment b, MemorySegment y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(a, i) < intAt(b, i));
        }
    }

    private static void atMostInts(MemorySegment a, MemorySegment b, MemorySegment y, int n) {
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(a, i) <= intAt(b, i));
        }
    }

    private static void not(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, !boolAt(x, i));
        }
    }

    private static void and(MemorySegment[] s, int n) {
        var a = s[0];
        var b = s[1];
        var y = s[2];
        for (int i = 0; i < n; i++) {
            setBool(y, i, boolAt(a, i) & boolAt(b, i));
        }
    }

    private static void or(MemorySegment[] s, int n) {
        var a = s[0];
        var b = s[1];
        var y = s[2];
        for (int i = 0; i < n; i++) {
            setBool(y, i, boolAt(a, i) | boolAt(b, i));
        }
    }

    private static void selectBytes(MemorySegment[] s, int n) {
        var p = s[0];
        var a = s[1];
        var b = s[2];
        var y = s[3];
        for (int i = 0; i < n; i++) {
            byte left = a.get(JAVA_BYTE, i);
            byte right = b.get(JAVA_BYTE, i);
            y.set(JAVA_BYTE, i, boolAt(p, i) ? left : right);
        }
    }

    private static void selectShorts(MemorySegment[] s, int n) {
        var p = s[0];
        var a = s[1];
        var b = s[2];
        var y = s[3];
        for (int i = 0; i < n; i++) {
            short left = a.get(JAVA_SHORT_UNALIGNED, i * 2L);
            short right = b.get(JAVA_SHORT_UNALIGNED, i * 2L);
            y.set(JAVA_SHORT_UNALIGNED, i * 2L, boolAt(p, i) ? left : right);
        }
    }

    private static void selectInts(MemorySegment[] s, int n) {
        var p = s[0];
        var a = s[1];
        var b = s[2];
        var y = s[3];
        for (int i = 0; i < n; i++) {
            int left = intAt(a, i);
            int right = intAt(b, i);
            y.set(JAVA_INT_UNALIGNED, i * 4L, boolAt(p, i) ? left : right);
        }
    }

    private static void selectLongs(MemorySegment[] s, int n) {
        var p = s[0];
        var a = s[1];
        var b = s[2];
        var y = s[3];
        for (int i = 0; i < n; i++) {
            long left = a.get(JAVA_LONG_UNALIGNED, i * 8L);
            long right = b.get(JAVA_LONG_UNALIGNED, i * 8L);
            y.set(JAVA_LONG_UNALIGNED, i * 8L, boolAt(p, i) ? left : right);
        }
    }

    private static void boolsToFloats(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            y.set(JAVA_FLOAT_UNALIGNED, i * 4L, boolAt(x, i) ? 1 : 0);
        }
    }

    private static void boolsToInts(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            y.set(JAVA_INT_UNALIGNED, i * 4L, boolAt(x, i) ? 1 : 0);
        }
    }

    private static void boolsToBf16(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            y.set(JAVA_SHORT_UNALIGNED, i * 2L, Bf16.fromFloat(boolAt(x, i) ? 1 : 0));
        }
    }

    private static void intsToBools(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, intAt(x, i) != 0);
        }
    }

    private static void intsToBf16(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            y.set(JAVA_SHORT_UNALIGNED, i * 2L, Bf16.fromFloat(intAt(x, i)));
        }
    }

    private static void floatsToBools(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, floatAt(x, i) != 0);
        }
    }

    private static void bf16ToBools(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            setBool(y, i, bf16At(x, i) != 0);
        }
    }

    private static void bf16ToInts(MemorySegment[] s, int n) {
        var x = s[0];
        var y = s[1];
        for (int i = 0; i < n; i++) {
            y.set(JAVA_INT_UNALIGNED, i * 4L, (int) bf16At(x, i));
        }
    }
}
