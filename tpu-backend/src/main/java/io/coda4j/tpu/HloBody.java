package io.coda4j.tpu;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The operations of one StableHLO function, in order. A value is named after the operation that defines it and the
 * number of values before it, so that equal programs give equal text.
 */
final class HloBody {
    private static final String INDENT = "    ";

    private final StringBuilder text = new StringBuilder();
    private final Map<String, HloValue> constants = new HashMap<>();
    /** Values so far, those of enclosing and inner bodies among them: a region must not define a name again. */
    private final AtomicInteger count;

    /** The body of a function. */
    HloBody() {
        this(new AtomicInteger());
    }

    private HloBody(AtomicInteger count) {
        this.count = count;
    }

    /** The body of a region of an operation in this one. It uses only values that are handed to it. */
    HloBody region() {
        return new HloBody(count);
    }

    /** A value of that type that an operation hands to its regions. */
    HloValue argument(TensorType type) {
        return new HloValue("%state" + count.getAndIncrement(), type);
    }

    @Override
    public String toString() {
        return text.toString();
    }

    /** {@code %name = dialect.name rest}. */
    HloValue define(String operation, String rest, TensorType type) {
        return define("stablehlo.", operation, rest, type);
    }

    /** As the other, of another dialect, or with the opening quote of the generic form before the dialect. */
    HloValue define(String dialect, String operation, String rest, TensorType type) {
        var value = new HloValue("%" + operation + count.getAndIncrement(), type);
        line(value.name() + " = " + dialect + operation + rest);
        return value;
    }

    /** {@code operation a, b : (A, B) -> type}, with {@code attributes} after the operands. */
    HloValue apply(String operation, List<HloValue> in, String attributes, TensorType type) {
        return define(operation, " " + names(in) + attributes + " : " + signature(in, type), type);
    }

    /** {@code "operation"(a, b) <{attributes}> : (A, B) -> type}, with {@code region} after the attributes. */
    HloValue generic(String operation, List<HloValue> in, String attributes, String region, TensorType type) {
        var rest = "\"(" + names(in) + ") <{" + attributes + "}>" + region + " : " + signature(in, type);
        return define("\"stablehlo.", operation, rest, type);
    }

    /** An operation whose operands and result are all of one type. */
    HloValue elementwise(String operation, HloValue... in) {
        var type = in[0].type();
        return define(operation, " " + names(List.of(in)) + " : " + HloText.type(type), type);
    }

    HloValue compare(String direction, HloValue a, HloValue b) {
        var kind = switch (a.type().dtype()) {
            case BOOL -> "UNSIGNED";
            case I8, I32 -> "SIGNED";
            case F16, BF16, F32, F64 -> "FLOAT";
        };
        var in = List.of(a, b);
        var type = a.type().as(DType.BOOL);
        return define("compare", " " + direction + ", " + names(in) + ", " + kind + " : " + signature(in, type), type);
    }

    HloValue select(HloValue predicate, HloValue a, HloValue b) {
        var types = types(List.of(predicate.type(), a.type()));
        return define("select", " " + names(List.of(predicate, a, b)) + " : " + types, a.type());
    }

    /** {@code x} as {@code dtype}, as StableHLO converts; nothing where it is so already. */
    HloValue convert(HloValue x, DType dtype) {
        return x.type().dtype() == dtype
                ? x
                : apply("convert", List.of(x), "", x.type().as(dtype));
    }

    /** A tensor of equal elements; defined once however often it is asked for. */
    HloValue constant(TensorType type, double value) {
        return constant(type, HloText.splat(type, value));
    }

    /** The value of {@code array}; defined once however often it is asked for. */
    HloValue constant(Array array) {
        return constant(array.type(), HloText.dense(array));
    }

    private HloValue constant(TensorType type, String value) {
        var rest = " " + value + " : " + HloText.type(type);
        var known = constants.get(rest);
        if (known != null) {
            return known;
        }
        var defined = define("constant", rest, type);
        constants.put(rest, defined);
        return defined;
    }

    List<HloValue> barrier(List<HloValue> in) {
        return several("optimization_barrier", " " + names(in), "", typesOf(in));
    }

    /**
     * A loop: {@code state} starts as {@code initial}; while {@code condition} holds, {@code steps} gives the next.
     *
     * @param state the {@linkplain #argument arguments} of both regions
     */
    List<HloValue> loop(List<HloValue> initial, List<HloValue> state, HloBody condition, HloBody steps) {
        var operands = IntStream.range(0, state.size())
                .mapToObj(i -> state.get(i).name() + " = " + initial.get(i).name())
                .collect(Collectors.joining(", ", "(", ")"));
        var regions = "\ncond {\n" + condition + "} do {\n" + steps + "}";
        return several("while", operands, regions, typesOf(initial));
    }

    /** An operation with as many results as operands, of their types. */
    private List<HloValue> several(String operation, String operands, String regions, List<TensorType> types) {
        var name = "%" + operation + count.getAndIncrement();
        boolean one = types.size() == 1;
        line(name + (one ? "" : ":" + types.size()) + " = stablehlo." + operation + operands + " : " + types(types)
                + regions);
        return IntStream.range(0, types.size())
                .mapToObj(i -> new HloValue(one ? name : name + "#" + i, types.get(i)))
                .toList();
    }

    /** The end of a function's body. */
    void giveBack(List<HloValue> results) {
        giveBack("return", results);
    }

    /** The end of a region. */
    void giveOut(List<HloValue> results) {
        giveBack("stablehlo.return", results);
    }

    private void giveBack(String operation, List<HloValue> results) {
        line(operation + (results.isEmpty() ? "" : " " + names(results) + " : " + types(typesOf(results))));
    }

    private void line(String line) {
        text.append(INDENT).append(line.replace("\n", "\n" + INDENT)).append('\n');
    }

    static String names(List<HloValue> values) {
        return values.stream().map(HloValue::name).collect(Collectors.joining(", "));
    }

    static String types(List<TensorType> types) {
        return types.stream().map(HloText::type).collect(Collectors.joining(", "));
    }

    private static List<TensorType> typesOf(List<HloValue> values) {
        return values.stream().map(HloValue::type).toList();
    }

    static String signature(List<HloValue> in, TensorType type) {
        return "(" + types(typesOf(in)) + ") -> " + HloText.type(type);
    }
}
