package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.exec.Chain;
import java.util.ArrayList;
import java.util.List;

/**
 * Source of kernels for chains of elementwise primitives, from one table of expressions.
 *
 * <p>Each expression is text that means the same on one element and on a vector of 16: F16, BF16 and F32 are computed as
 * {@code float}, I32, I8 and BOOL as {@code int}. Of a BOOL only whether it is 0 counts, because OpenCL's comparisons give 1
 * for numbers and -1 for vectors. F64 is computed one element at a time.
 */
final class ClSource {
    /** Elements of a vector. */
    static final int VECTOR = 16;

    private final Chain chain;
    private final int width;
    private final StringBuilder text = new StringBuilder();

    private ClSource(Chain chain, int width) {
        this.chain = chain;
        this.width = width;
    }

    /**
     * A program with a kernel {@code chainI} for each chain I. Parameters: operands, results, the constants in the order
     * of their links, and the number of elements.
     *
     * @param vectors whether an item computes {@link #VECTOR} elements at once
     */
    static String program(List<Chain> chains, boolean vectors) {
        var source = new StringBuilder(ClResource.PRELUDE);
        if (chains.stream().anyMatch(ClSource::hasDoubles)) {
            source.append("#pragma OPENCL EXTENSION cl_khr_fp64 : enable\n");
        }
        for (int i = 0; i < chains.size(); i++) {
            source.append(kernel("chain" + i, chains.get(i), vectors));
        }
        return source.toString();
    }

    /** Elements that an item of the kernel for {@code chain} computes. */
    static int elementsPerItem(Chain chain, boolean vectors) {
        return vectors && !hasDoubles(chain) ? VECTOR : 1;
    }

    /** The links that are constants, in the order of their parameters. */
    static List<Chain.Link> constants(Chain chain) {
        return chain.links().stream()
                .filter(link -> link.prim() instanceof Primitive.Full)
                .toList();
    }

    private static boolean hasDoubles(Chain chain) {
        return chain.operands().stream().anyMatch(operand -> operand.dtype() == DType.F64)
                || chain.links().stream().anyMatch(link -> link.dtype() == DType.F64);
    }

    private static String kernel(String name, Chain chain, boolean vectors) {
        var parameters = new ArrayList<String>();
        for (int i = 0; i < chain.operands().size(); i++) {
            parameters.add("BUFFER(x" + i + ")");
        }
        for (int k = 0; k < chain.results().size(); k++) {
            parameters.add("BUFFER(y" + k + ")");
        }
        var constants = constants(chain);
        for (int i = 0; i < constants.size(); i++) {
            parameters.add("const " + number(constants.get(i).dtype()) + " c" + i);
        }
        parameters.add("const long n");
        var head = "__kernel void " + name + "(" + String.join(", ", parameters) + ") {\n";
        var one = new ClSource(chain, 1).body();
        if (elementsPerItem(chain, vectors) == 1) {
            return head + "    long i = get_global_id(0);\n    if (i < n) {\n" + one + "    }\n}\n";
        }
        return head + "    long i = (long)get_global_id(0) * " + VECTOR + ";\n    if (i + " + VECTOR + " <= n) {\n"
                + new ClSource(chain, VECTOR).body() + "    } else {\n        for (; i < n; i++) {\n" + one
                + "        }\n    }\n}\n";
    }

    private String body() {
        int constants = 0;
        for (int v = 0; v < chain.operands().size(); v++) {
            define(v, load(chain.operands().get(v), "x" + v));
        }
        for (int l = 0; l < chain.links().size(); l++) {
            var link = chain.links().get(l);
            define(
                    chain.operands().size() + l,
                    link.prim() instanceof Primitive.Pointwise prim
                            ? expression(prim, link)
                            : constant(link.dtype(), "c" + constants++));
        }
        for (int k = 0; k < chain.results().size(); k++) {
            int v = chain.results().get(k);
            text.append("        ")
                    .append(store(chain.dtype(v), "y" + k, "v" + v))
                    .append(";\n");
        }
        return text.toString();
    }

    private void define(int value, String expression) {
        text.append("        %s v%d = %s;%n".formatted(vector(number(chain.dtype(value))), value, expression));
    }

    /** The type in which elements of {@code dtype} are computed. */
    private static String number(DType dtype) {
        return switch (dtype) {
            case BOOL, I8, I32 -> "int";
            case F16, BF16, F32 -> "float";
            case F64 -> "double";
        };
    }

    private static String stored(DType dtype) {
        return switch (dtype) {
            case BOOL -> "uchar";
            case I8 -> "char";
            case I32 -> "int";
            case F16, BF16 -> "ushort";
            case F32 -> "float";
            case F64 -> "double";
        };
    }

    /** The name of a type or function for the width in use. */
    private String vector(String name) {
        return width == 1 ? name : name + width;
    }

    private String load(Chain.Operand operand, String name) {
        var at = "AT(" + stored(operand.dtype()) + ", " + name + ")";
        String element;
        if (operand.repeated()) {
            element = "(" + vector(stored(operand.dtype())) + ")(" + at + "[0])";
        } else {
            element = width == 1 ? at + "[i]" : "vload" + width + "(0, " + at + " + i)";
        }
        return switch (operand.dtype()) {
            case BOOL -> convert("int", element) + " != " + literal("int", "0");
            case I8 -> convert("int", element);
            case I32, F32, F64 -> element;
            case F16 -> vector("half_float") + "(" + convert("uint", element) + ")";
            case BF16 -> vector("as_float") + "(" + convert("uint", element) + " << 16)";
        };
    }

    private String store(DType dtype, String name, String value) {
        var element = switch (dtype) {
            case BOOL -> convert("uchar", value + " & " + literal("int", "1"));
            case I8 -> convert("char", value);
            case I32, F32, F64 -> value;
            case F16 -> convert("ushort", vector("half_bits") + "(" + value + ")");
            case BF16 -> convert("ushort", vector("bf16_bits") + "(" + value + ")");
        };
        var at = "AT(" + stored(dtype) + ", " + name + ")";
        return width == 1 ? at + "[i] = " + element : "vstore" + width + "(" + element + ", 0, " + at + " + i)";
    }

    private String convert(String type, String value) {
        return "convert_" + vector(type) + "(" + value + ")";
    }

    private String literal(String type, String value) {
        return "(" + vector(type) + ")(" + value + ")";
    }

    private String constant(DType dtype, String name) {
        var value = literal(number(dtype), name);
        return dtype == DType.BOOL ? value + " != " + literal("int", "0") : value;
    }

    private String expression(Primitive.Pointwise prim, Chain.Link link) {
        var in = link.in().stream().map(v -> "v" + v).toList();
        var from = link.in().stream().map(chain::dtype).toList();
        var value = switch (prim) {
            case Primitive.Unary(var op) -> unary(op, from.getFirst(), in.getFirst());
            case Primitive.Binary(var op) -> binary(op, from.getFirst(), in.get(0), in.get(1));
            case Primitive.Compare(var op) -> compare(op, from.getFirst(), in.get(0), in.get(1));
            case Primitive.Select _ -> in.get(0) + " ? " + in.get(1) + " : " + in.get(2);
            case Primitive.Convert(var to) -> converted(from.getFirst(), to, in.getFirst());
        };
        boolean computes = prim instanceof Primitive.Unary || prim instanceof Primitive.Binary;
        // Every primitive rounds its result, as if it had been stored.
        return link.dtype().isReducedPrecision() && computes ? rounded(link.dtype(), value) : value;
    }

    private String unary(UnaryOp op, DType dtype, String x) {
        return switch (op) {
            case NEG -> dtype == DType.I32 ? negative(x) : "-" + x;
            case EXP -> "exp(" + x + ")";
            case LOG -> "log(" + x + ")";
            case SQRT -> "sqrt(" + x + ")";
            case RSQRT -> "rsqrt(" + x + ")";
            case LOGISTIC -> one(dtype) + " / (" + one(dtype) + " + exp(-" + x + "))";
            case SIN -> near0(dtype, x, x, "sin");
            case COS -> near0(dtype, x, one(dtype), "cos");
            case ROUND -> "rint(" + x + ")";
            case NOT -> "!" + x;
        };
    }

    /** PoCL's vectors get subnormal numbers wrong beside infinities; so near 0 the first term of the series is enough. */
    private String near0(DType dtype, String x, String term, String function) {
        var limit = literal(number(dtype), dtype == DType.F64 ? "0x1p-28" : "0x1p-13f");
        return "fabs(%s) < %s ? %s : %s(%s)".formatted(x, limit, term, function, x);
    }

    private String one(DType dtype) {
        return literal(number(dtype), dtype == DType.F64 ? "1.0" : "1.0f");
    }

    private String binary(BinaryOp op, DType dtype, String a, String b) {
        return switch (op) {
            case ADD -> dtype == DType.I32 ? wrapping(a, "+", b) : a + " + " + b;
            case SUB -> dtype == DType.I32 ? wrapping(a, "-", b) : a + " - " + b;
            case MUL -> dtype == DType.I32 ? wrapping(a, "*", b) : a + " * " + b;
            case DIV -> dtype == DType.I32 ? quotient(a, b) : a + " / " + b;
            case MAX -> dtype == DType.I32 ? "max(" + a + ", " + b + ")" : extreme(dtype, a, b, ">", "&");
            case MIN -> dtype == DType.I32 ? "min(" + a + ", " + b + ")" : extreme(dtype, a, b, "<", "|");
            case AND -> "(" + a + " & " + b + ")";
            case OR -> "(" + a + " | " + b + ")";
        };
    }

    /** Unsigned inside, because C leaves the overflow of signed numbers undefined. */
    private String wrapping(String a, String op, String b) {
        var asUint = vector("as_uint");
        return vector("as_int") + "(" + asUint + "(" + a + ") " + op + " " + asUint + "(" + b + "))";
    }

    private String negative(String x) {
        return vector("as_int") + "(" + literal("uint", "0") + " - " + vector("as_uint") + "(" + x + "))";
    }

    /** Processors stop at a division by 0 and at the least number divided by -1, so both divide by 1. */
    private String quotient(String a, String b) {
        var zero = literal("int", "0");
        var minus = literal("int", "-1");
        var divisor = "(%s == %s || %s == %s ? %s : %s)".formatted(b, zero, b, minus, literal("int", "1"), b);
        return "%s == %s ? %s : %s == %s ? %s : %s / %s".formatted(b, zero, minus, b, minus, negative(a), a, divisor);
    }

    /** NaN where either is NaN; equal numbers differ in the sign bit at most, which {@code bits} combines. */
    private String extreme(DType dtype, String a, String b, String before, String bits) {
        var whole = vector(dtype == DType.F64 ? "as_long" : "as_int");
        var real = vector(dtype == DType.F64 ? "as_double" : "as_float");
        return "isnan(%s) ? %s : isnan(%s) ? %s : %s %s %s ? %s : %s %s %s ? %s : %s(%s(%s) %s %s(%s))"
                .formatted(a, a, b, b, a, before, b, a, b, before, a, b, real, whole, a, bits, whole, b);
    }

    private String compare(CompareOp op, DType dtype, String a, String b) {
        var sign = switch (op) {
            case EQ -> "==";
            case NE -> "!=";
            case LT -> "<";
            case LE -> "<=";
            case GT -> ">";
            case GE -> ">=";
        };
        if (dtype == DType.BOOL) {
            var bit = literal("int", "1");
            return "(%s & %s) %s (%s & %s)".formatted(a, bit, sign, b, bit);
        }
        return a + " " + sign + " " + b;
    }

    private String converted(DType from, DType to, String x) {
        if (from == to) {
            return x;
        }
        var bit = "(" + x + " & " + literal("int", "1") + ")";
        return switch (to) {
            case BOOL -> x + " != " + literal(number(from), "0");
            case I8 -> from == DType.BOOL ? bit : clamped(whole(from, x));
            case I32 -> from == DType.BOOL ? bit : whole(from, x);
            case F16, BF16 -> rounded(to, wide("float", from, x, bit));
            case F32 -> wide("float", from, x, bit);
            case F64 -> wide("double", from, x, bit);
        };
    }

    private String rounded(DType dtype, String value) {
        return vector(dtype == DType.F16 ? "half_round" : "bf16_round") + "(" + value + ")";
    }

    private String wide(String type, DType from, String x, String bit) {
        return from != DType.F64 && type.equals(number(from)) ? x : convert(type, from == DType.BOOL ? bit : x);
    }

    /** To a byte, the nearest end where it does not fit. */
    private String clamped(String x) {
        return "clamp(" + x + ", " + literal("int", "-128") + ", " + literal("int", "127") + ")";
    }

    private String whole(DType from, String x) {
        return from.isFloat() ? truncated(from, x) : x;
    }

    /** Toward zero, the nearest end where it does not fit, and 0 for NaN. */
    private String truncated(DType from, String x) {
        var end = literal(number(from), from == DType.F64 ? "2147483648.0" : "2147483648.0f");
        return "isnan(%s) ? %s : %s >= %s ? %s : %s <= -%s ? %s : %s"
                .formatted(
                        x,
                        literal("int", "0"),
                        x,
                        end,
                        literal("int", "2147483647"),
                        x,
                        end,
                        literal("int", "-2147483647 - 1"),
                        convert("int", x));
    }
}
