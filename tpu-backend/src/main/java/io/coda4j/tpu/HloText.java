package io.coda4j.tpu;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Bf16;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.TensorType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** How types, literals and names are written in StableHLO text. */
final class HloText {
    /** Arrays with more elements are written as one string of bytes instead of nested lists. */
    private static final int LONGEST_LIST = 64;

    private HloText() {}

    /** The type as {@code tensor<2x3xf32>}. */
    static String type(TensorType type) {
        return IntStream.of(type.shape().dims())
                        .mapToObj(dim -> dim + "x")
                        .collect(Collectors.joining("", "tensor<", ""))
                + element(type.dtype())
                + ">";
    }

    private static String element(DType dtype) {
        return switch (dtype) {
            case BOOL -> "i1";
            case I8 -> "i8";
            case I32 -> "i32";
            case F16 -> "f16";
            case BF16 -> "bf16";
            case F32 -> "f32";
            case F64 -> "f64";
        };
    }

    /** The value of a constant all of whose elements are {@code value}, as {@code dense<0.5>}. */
    static String splat(TensorType type, double value) {
        return type.size() == 0 ? "dense<>" : "dense<" + literal(type.dtype(), value) + ">";
    }

    /** The value of a constant with the elements of {@code array}, as {@code dense<[1, 2]>}. */
    static String dense(Array array) {
        var type = array.type();
        if (type.size() == 0) {
            return "dense<>";
        }
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(type.byteSize(), 8);
            array.buffer().download(host);
            // The bytes of i1 are packed in another way than ours.
            boolean list = type.size() <= LONGEST_LIST || type.dtype() == DType.BOOL;
            return "dense<" + (list ? nested(host, type, 0, 0) : "\"0x" + hex(host) + "\"") + ">";
        }
    }

    private static String nested(MemorySegment host, TensorType type, int axis, long index) {
        if (axis == type.rank()) {
            return literal(type.dtype(), Elements.get(host, type.dtype(), index));
        }
        return IntStream.range(0, type.dim(axis))
                .mapToObj(i -> nested(host, type, axis + 1, index * type.dim(axis) + i))
                .collect(Collectors.joining(", ", "[", "]"));
    }

    private static String hex(MemorySegment host) {
        return HexFormat.of().withUpperCase().formatHex(host.toArray(ValueLayout.JAVA_BYTE));
    }

    /** {@code value}, rounded to {@code dtype}, as one element. */
    static String literal(DType dtype, double value) {
        return switch (dtype) {
            case BOOL -> value != 0 ? "true" : "false";
            case I8 -> Integer.toString(Math.clamp((int) value, Byte.MIN_VALUE, Byte.MAX_VALUE));
            case I32 -> Integer.toString((int) value);
            case F16 -> f16(Float.floatToFloat16((float) value));
            case BF16 -> bf16(Bf16.fromFloat((float) value));
            case F32 -> f32((float) value);
            case F64 -> f64(value);
        };
    }

    private static String f16(short bits) {
        float value = Float.float16ToFloat(bits);
        return isPlain(value, 0x1p-14) ? Float.toString(value) : "0x%04X".formatted(bits);
    }

    private static String bf16(short bits) {
        float value = Bf16.toFloat(bits);
        return isPlain(value, Float.MIN_NORMAL) ? Float.toString(value) : "0x%04X".formatted(bits);
    }

    private static String f32(float value) {
        var decimal = Float.toString(value);
        // MLIR reads decimals as doubles first, which may round a float's shortest decimal to its neighbour.
        boolean exact = isPlain(value, Float.MIN_NORMAL) && (float) Double.parseDouble(decimal) == value;
        return exact ? decimal : "0x%08X".formatted(Float.floatToIntBits(value));
    }

    private static String f64(double value) {
        return isPlain(value, Double.MIN_NORMAL)
                ? Double.toString(value)
                : "0x%016X".formatted(Double.doubleToLongBits(value));
    }

    /** Whether the value is zero or a normal number; all others are written as bits, to leave nothing to a parser. */
    private static boolean isPlain(double value, double smallestNormal) {
        return value == 0 || (Math.abs(value) >= smallestNormal && Double.isFinite(value));
    }

    /** Numbers as {@code array<i64: 0, 1>}. */
    static String array(List<Integer> numbers) {
        return numbers.isEmpty()
                ? "array<i64>"
                : numbers.stream().map(String::valueOf).collect(Collectors.joining(", ", "array<i64: ", ">"));
    }

    /** A symbol as {@code @name}, quoted where the name needs it. */
    static String symbol(String name) {
        return name.matches("[A-Za-z_][A-Za-z0-9_$.]*") ? "@" + name : "@" + quoted(name);
    }

    /** A string attribute, as {@code "text"}. */
    static String quoted(String text) {
        var quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < ' ') {
                quoted.append("\\%02X".formatted((int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }
}
