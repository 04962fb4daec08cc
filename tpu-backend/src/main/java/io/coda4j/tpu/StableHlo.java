package io.coda4j.tpu;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Legalizer;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.Note;
import io.coda4j.tensor.Primitive.ReduceOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Programs as StableHLO modules: what each core primitive is in StableHLO.
 *
 * <p>Fused primitives are written as their meaning, save loops; XLA fuses on its own. Where StableHLO leaves a result open that
 * {@link Primitive} defines, more is written than one operation: conversions to I32, I8 and BOOL, I32 division. Sums over
 * F16 and BF16 run in F32, and products of F32 at full precision. Three things remain the device's choice: an id outside a
 * table is no error (a row taken is the nearest, an added one is dropped), the order in which rows are added, and, if
 * XLA's {@code xla_allow_excess_precision} is left on, whether F32 is rounded on its way through F16 or BF16.
 *
 * <p>The text needs StableHLO 0.9 or newer. Equal programs give equal text.
 */
public final class StableHlo {
    private final @Nullable HloSharding sharding;
    private final @Nullable Placement placement;
    private final Map<Tensor, HloValue> values = new IdentityHashMap<>();
    private final HloBody body;

    private StableHlo(@Nullable HloSharding sharding, @Nullable Placement placement, HloBody body) {
        this.sharding = sharding;
        this.placement = placement;
        this.body = body;
    }

    /**
     * The program as a module for one device, with the program as its function {@code main}.
     *
     * @throws DeviceException if the program places values on a mesh
     */
    public static String print(Program program) {
        return module(program, null, null);
    }

    /**
     * The program as a module for the devices of a mesh; XLA places what the program's sharding notes leave open.
     *
     * @throws DeviceException if a note names an axis that the mesh does not have
     */
    public static String print(Program program, Mesh mesh) {
        return module(program, new HloSharding(mesh, Partitioner.SHARDY), null);
    }

    /** The program as a module for the devices of a mesh, for XLA's newer partitioner. */
    public static String print(Program program, Placement placement) {
        return print(program, placement, Partitioner.SHARDY);
    }

    /**
     * The program as a module for the devices of a mesh, with its arguments and results placed; XLA places what is in
     * between, as far as the program's sharding notes leave it open.
     *
     * @throws DeviceException if a note names an axis that the mesh does not have
     * @throws IllegalArgumentException if the placement does not fit the program; see {@link Placement#check}
     */
    public static String print(Program program, Placement placement, Partitioner partitioner) {
        return module(program, new HloSharding(placement.mesh(), partitioner), placement.check(program));
    }

    private static String module(Program program, @Nullable HloSharding sharding, @Nullable Placement placement) {
        return new StableHlo(sharding, placement, new HloBody()).module(inPrinted(program));
    }

    /** The program in core primitives and loops. */
    private static Program inPrinted(Program program) {
        return Legalizer.legalise(program, (prim, _) -> prim instanceof Primitive.Scan);
    }

    private String module(Program program) {
        for (int i = 0; i < program.params().size(); i++) {
            var param = program.params().get(i);
            values.put(param, new HloValue("%arg" + i, param.type()));
        }
        program.body().forEach(this::equation);
        body.giveBack(program.results().stream().map(this::value).toList());
        int partitions = sharding == null ? 1 : sharding.mesh().devices();
        return "module " + HloText.symbol(program.name()) + " attributes {mhlo.num_partitions = " + partitions
                + " : i32, mhlo.num_replicas = 1 : i32} {\n" + (sharding == null ? "" : sharding.meshLine())
                + "  func.func public @main(" + parameters(program) + ") -> (" + results(program) + ") {\n" + body
                + "  }\n}\n";
    }

    private String parameters(Program program) {
        var aliases = aliases(program);
        return IntStream.range(0, program.params().size())
                .mapToObj(i -> {
                    var attributes = new ArrayList<String>();
                    if (program.donated().contains(i)) {
                        attributes.add(donation(aliases.get(i)));
                    }
                    if (sharding != null && placement != null) {
                        attributes.add(sharding.attribute(placement.parameters().get(i)));
                    }
                    return "%arg" + i + ": "
                            + HloText.type(program.params().get(i).type()) + dictionary(attributes);
                })
                .collect(Collectors.joining(", "));
    }

    private String results(Program program) {
        return IntStream.range(0, program.results().size())
                .mapToObj(i -> HloText.type(program.results().get(i).type())
                        + dictionary(
                                sharding == null || placement == null
                                        ? List.of()
                                        : List.of(sharding.attribute(
                                                placement.results().get(i)))))
                .collect(Collectors.joining(", "));
    }

    private static String dictionary(List<String> attributes) {
        return attributes.isEmpty() ? "" : " {" + String.join(", ", attributes) + "}";
    }

    private static String donation(@Nullable Integer result) {
        return result == null ? "jax.buffer_donor = true" : "tf.aliasing_output = " + result + " : i32";
    }

    /**
     * The result to be written over each donated parameter: the first of its type and place that is not given away yet.
     * On a mesh without placement this is left to XLA, because there one type may be placed in two ways.
     */
    private Map<Integer, Integer> aliases(Program program) {
        var aliases = new HashMap<Integer, Integer>();
        if (sharding != null && placement == null) {
            return aliases;
        }
        for (int param : program.donated().stream().sorted().toList()) {
            var type = program.params().get(param).type();
            IntStream.range(0, program.results().size())
                    .filter(result -> program.results().get(result).type().equals(type))
                    .filter(result -> isPlacedAlike(param, result))
                    .filter(result -> !aliases.containsValue(result))
                    .findFirst()
                    .ifPresent(result -> aliases.put(param, result));
        }
        return aliases;
    }

    private boolean isPlacedAlike(int param, int result) {
        return placement == null
                || placement.parameters().get(param).equals(placement.results().get(result));
    }

    private HloValue value(Tensor tensor) {
        return switch (tensor) {
            // A program defines its variables before it uses them.
            case Symbol symbol -> Objects.requireNonNull(values.get(symbol));
            case Array array -> values.computeIfAbsent(array, _ -> body.constant(array));
        };
    }

    private void equation(Equation equation) {
        var in = equation.in().stream().map(this::value).toList();
        var types = equation.out().stream().map(Symbol::type).toList();
        var out = switch (equation.prim()) {
            case Primitive.Core core -> operations(core, in, types.getFirst());
            case Primitive.Scan scan -> loop(scan, in, types);
            case Primitive.Fused fused -> throw new IllegalStateException(fused.mnemonic() + " was not expanded");
        };
        for (int i = 0; i < out.size(); i++) {
            values.put(equation.out().get(i), out.get(i));
        }
    }

    /** Writes what {@code prim} is; {@code type} is that of its first result. */
    private List<HloValue> operations(Primitive.Core prim, List<HloValue> in, TensorType type) {
        return switch (prim) {
            case Primitive.Full(var _, double value) -> List.of(body.constant(type, value));
            case Primitive.Iota(var _, int axis) -> List.of(iota(axis, type));
            case Primitive.Unary(var op) -> List.of(body.elementwise(name(op), in.getFirst()));
            case Primitive.Binary(var op) -> List.of(binary(op, in.get(0), in.get(1)));
            case Primitive.Compare(var op) -> List.of(body.compare(op.name(), in.get(0), in.get(1)));
            case Primitive.Select() -> List.of(body.select(in.get(0), in.get(1), in.get(2)));
            case Primitive.Convert(var dtype) -> List.of(convert(in.getFirst(), dtype));
            case Primitive.Reshape _ -> List.of(body.apply("reshape", in, "", type));
            case Primitive.Transpose(var permutation) ->
                List.of(body.apply("transpose", in, ", dims = " + permutation, type));
            case Primitive.Broadcast(var _, var axes) ->
                List.of(body.apply("broadcast_in_dim", in, ", dims = " + axes, type));
            case Primitive.Slice(var starts, var limits) -> List.of(slice(in, starts, limits, type));
            case Primitive.Pad(var low, var high) -> List.of(pad(in.getFirst(), low, high, type));
            case Primitive.Concat(int axis) -> List.of(body.apply("concatenate", in, ", dim = " + axis, type));
            case Primitive.Reduce(var op, var axes) -> List.of(reduce(op, axes, in.getFirst(), type));
            case Primitive.Dot dot -> List.of(dot(dot, in, type));
            case Primitive.TakeRows() -> List.of(takeRows(in, type));
            case Primitive.ScatterAddRows _ -> List.of(scatterAddRows(in.get(0), in.get(1), type));
            case Primitive.DynamicSlice(int axis, var _) -> List.of(dynamicSlice(axis, in, type));
            case Primitive.DynamicUpdateSlice(int axis) -> List.of(dynamicUpdateSlice(axis, in, type));
            case Primitive.Annotate(var note) -> annotate(note, in);
        };
    }

    /**
     * A loop whose state is the number of the step, the operands and the outputs so far. XLA knows how often it runs by
     * the constants around the number.
     */
    private List<HloValue> loop(Primitive.Scan scan, List<HloValue> in, List<TensorType> types) {
        var initial = new ArrayList<HloValue>();
        initial.add(body.constant(TensorType.i32(), 0));
        initial.addAll(in);
        types.subList(scan.carries(), types.size()).forEach(type -> initial.add(body.constant(type, 0)));
        var state = initial.stream().map(value -> body.argument(value.type())).toList();
        var condition = body.region();
        var length = condition.constant(TensorType.i32(), scan.length());
        condition.giveOut(List.of(condition.compare("LT", state.getFirst(), length)));
        var steps = new StableHlo(sharding, null, body.region());
        steps.step(scan, state);
        var last = body.loop(initial, state, condition, steps.body);
        var results = new ArrayList<>(last.subList(1, 1 + scan.carries()));
        results.addAll(last.subList(1 + in.size(), last.size()));
        return results;
    }

    private void step(Primitive.Scan scan, List<HloValue> state) {
        var program = inPrinted(scan.body());
        var step = state.getFirst();
        var index = scan.reverse()
                ? body.elementwise("subtract", body.constant(step.type(), scan.length() - 1), step)
                : step;
        int whole = scan.carries() + scan.constants();
        for (int i = 0; i < program.params().size(); i++) {
            var param = program.params().get(i);
            values.put(param, i < whole ? state.get(1 + i) : slice(state.get(1 + i), index, param.type()));
        }
        program.body().forEach(this::equation);
        var results = program.results().stream().map(this::value).toList();
        var next = new ArrayList<HloValue>();
        next.add(body.elementwise("add", step, body.constant(step.type(), 1)));
        next.addAll(results.subList(0, scan.carries()));
        int outputs = 1 + program.params().size();
        next.addAll(state.subList(1 + scan.carries(), outputs));
        for (int k = scan.carries(); k < results.size(); k++) {
            next.add(written(state.get(outputs + k - scan.carries()), results.get(k), index));
        }
        body.giveOut(next);
    }

    /** The slice of {@code stack} at {@code index} along axis 0, without that axis. */
    private HloValue slice(HloValue stack, HloValue index, TensorType type) {
        var one = withLeadingOne(type);
        return body.apply("reshape", List.of(dynamicSlice(0, List.of(stack, index), one)), "", type);
    }

    /** {@code stack} with {@code slice} at {@code index} along axis 0. */
    private HloValue written(HloValue stack, HloValue slice, HloValue index) {
        var one = body.apply("reshape", List.of(slice), "", withLeadingOne(slice.type()));
        return dynamicUpdateSlice(0, List.of(stack, one, index), stack.type());
    }

    private static TensorType withLeadingOne(TensorType type) {
        var dims = new ArrayList<>(type.shape().toList());
        dims.addFirst(1);
        return type.with(Shape.of(dims));
    }

    private static String name(UnaryOp op) {
        return switch (op) {
            case NEG -> "negate";
            case EXP -> "exponential";
            case LOG -> "log";
            case SQRT -> "sqrt";
            case RSQRT -> "rsqrt";
            case LOGISTIC -> "logistic";
            case SIN -> "sine";
            case COS -> "cosine";
            case ROUND -> "round_nearest_even";
            case NOT -> "not";
        };
    }

    private HloValue binary(BinaryOp op, HloValue a, HloValue b) {
        return switch (op) {
            case ADD -> body.elementwise("add", a, b);
            case SUB -> body.elementwise("subtract", a, b);
            case MUL -> body.elementwise("multiply", a, b);
            case DIV -> a.type().dtype() == DType.I32 ? divideIntegers(a, b) : body.elementwise("divide", a, b);
            case MAX -> body.elementwise("maximum", a, b);
            case MIN -> body.elementwise("minimum", a, b);
            case AND -> body.elementwise("and", a, b);
            case OR -> body.elementwise("or", a, b);
        };
    }

    /** StableHLO leaves open what a / 0 is, and the least integer / -1: both are divided by 1 and put right after. */
    private HloValue divideIntegers(HloValue a, HloValue b) {
        var minusOne = body.constant(a.type(), -1);
        var byZero = body.compare("EQ", b, body.constant(a.type(), 0));
        var byMinusOne = body.compare("EQ", b, minusOne);
        var open = body.elementwise("or", byZero, byMinusOne);
        var quotient = body.elementwise("divide", a, body.select(open, body.constant(a.type(), 1), b));
        var exceptMinusOne = body.select(byMinusOne, body.elementwise("negate", a), quotient);
        return body.select(byZero, minusOne, exceptMinusOne);
    }

    /** F16 and BF16 count in I32, because they cannot hold every index on the way. */
    private HloValue iota(int axis, TensorType type) {
        var counted = type.dtype().isReducedPrecision() ? type.as(DType.I32) : type;
        var iota = body.define("iota", " dim = " + axis + " : " + HloText.type(counted), counted);
        return body.convert(iota, type.dtype());
    }

    private HloValue convert(HloValue x, DType dtype) {
        boolean fromFloat = x.type().dtype().isFloat();
        return switch (dtype) {
            case BOOL -> x.type().dtype() == DType.BOOL ? x : body.compare("NE", x, body.constant(x.type(), 0));
            case I8 ->
                x.type().dtype() == DType.BOOL ? body.convert(x, dtype) : clampToByte(fromFloat ? truncate(x) : x);
            case I32 -> fromFloat ? truncate(x) : body.convert(x, dtype);
            case F16, BF16, F32, F64 -> body.convert(x, dtype);
        };
    }

    /** StableHLO leaves open what whole numbers outside of a byte become. */
    private HloValue clampToByte(HloValue x) {
        if (x.type().dtype() == DType.I8) {
            return x;
        }
        var least = body.constant(x.type(), Byte.MIN_VALUE);
        var greatest = body.constant(x.type(), Byte.MAX_VALUE);
        return body.convert(body.elementwise("minimum", body.elementwise("maximum", x, least), greatest), DType.I8);
    }

    /** StableHLO leaves open what floats outside I32 become, and NaN. */
    private HloValue truncate(HloValue x) {
        var type = x.type().as(DType.I32);
        var tooLarge = body.compare("GE", x, body.constant(x.type(), 0x1p31));
        // Also where it is -2^31 itself, which is -infinity in F16.
        var tooSmall = body.compare("LE", x, body.constant(x.type(), -0x1p31));
        var notANumber = body.compare("NE", x, x);
        var inside = body.convert(x, DType.I32);
        var below = body.select(tooLarge, body.constant(type, Integer.MAX_VALUE), inside);
        var clamped = body.select(tooSmall, body.constant(type, Integer.MIN_VALUE), below);
        return body.select(notANumber, body.constant(type, 0), clamped);
    }

    private HloValue slice(List<HloValue> in, List<Integer> starts, List<Integer> limits, TensorType type) {
        var ranges = IntStream.range(0, starts.size())
                .mapToObj(i -> starts.get(i) + ":" + limits.get(i))
                .collect(Collectors.joining(", ", " [", "]"));
        return body.apply("slice", in, ranges, type);
    }

    private HloValue pad(HloValue x, List<Integer> low, List<Integer> high, TensorType type) {
        var zero = body.constant(TensorType.of(type.dtype()), 0);
        var interior = Collections.nCopies(type.rank(), 0);
        var attributes = ", low = " + low + ", high = " + high + ", interior = " + interior;
        return body.apply("pad", List.of(x, zero), attributes, type);
    }

    private HloValue reduce(ReduceOp op, List<Integer> axes, HloValue x, TensorType type) {
        // Only sums round: the greatest and the least are elements.
        var sum = op == ReduceOp.SUM ? type.dtype().accumulator() : type.dtype();
        var wide = body.convert(x, sum);
        var first = body.constant(TensorType.of(sum), ofNothing(op, sum));
        var combine = switch (op) {
            case SUM -> "add";
            case MAX -> "maximum";
            case MIN -> "minimum";
        };
        var rest = "(" + wide.name() + " init: " + first.name() + ") applies stablehlo." + combine
                + " across dimensions = " + axes + " : " + HloBody.signature(List.of(wide, first), type.as(sum));
        return body.convert(body.define("reduce", rest, type.as(sum)), type.dtype());
    }

    private static double ofNothing(ReduceOp op, DType dtype) {
        return switch (op) {
            case SUM -> 0;
            case MAX -> dtype == DType.I32 ? Integer.MIN_VALUE : Double.NEGATIVE_INFINITY;
            case MIN -> dtype == DType.I32 ? Integer.MAX_VALUE : Double.POSITIVE_INFINITY;
        };
    }

    private HloValue dot(Primitive.Dot dot, List<HloValue> in, TensorType type) {
        boolean mixed = in.get(0).type().dtype() != in.get(1).type().dtype();
        if (mixed) {
            in = in.stream().map(x -> body.convert(x, dot.accumulate())).toList();
        }
        // A TPU multiplies F32 in BF16 unless told otherwise.
        var precision = switch (in.getFirst().type().dtype()) {
            case BF16, I8 -> "DEFAULT";
            case F16, F32, F64 -> "HIGHEST";
            case BOOL, I32 -> throw new IllegalStateException("a product of " + in);
        };
        var batch = dot.lhsBatch().isEmpty() ? "" : ", batching_dims = " + dot.lhsBatch() + " x " + dot.rhsBatch();
        var attributes = batch + ", contracting_dims = " + dot.lhsContract() + " x " + dot.rhsContract()
                + ", precision = [" + precision + ", " + precision + "]";
        return body.apply("dot_general", in, attributes, type);
    }

    private HloValue takeRows(List<HloValue> in, TensorType type) {
        var table = in.get(0).type();
        int rank = in.get(1).type().rank();
        var row = new ArrayList<>(table.shape().toList());
        row.set(0, 1);
        var attributes = "dimension_numbers = #stablehlo.gather<offset_dims = " + range(rank, type.rank())
                + ", collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = " + rank
                + ">, slice_sizes = " + HloText.array(row) + ", indices_are_sorted = false";
        return body.generic("gather", in, attributes, "", type);
    }

    private HloValue scatterAddRows(HloValue ids, HloValue updates, TensorType type) {
        var sum = type.as(type.dtype().accumulator());
        var wide = body.convert(updates, sum.dtype());
        var zeros = body.constant(sum, 0);
        int rank = ids.type().rank();
        var attributes = "scatter_dimension_numbers = #stablehlo.scatter<update_window_dims = "
                + range(rank, updates.type().rank())
                + ", inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = " + rank
                + ">, indices_are_sorted = false, unique_indices = false";
        var add = """
                 ({
                ^bb0(%a: T, %b: T):
                  %sum = stablehlo.add %a, %b : T
                  stablehlo.return %sum : T
                })""".replace("T", HloText.type(TensorType.of(sum.dtype())));
        return body.convert(body.generic("scatter", List.of(zeros, ids, wide), attributes, add, sum), type.dtype());
    }

    private static List<Integer> range(int from, int to) {
        return IntStream.range(from, to).boxed().toList();
    }

    private HloValue dynamicSlice(int axis, List<HloValue> in, TensorType type) {
        var operands = withStarts(in.subList(0, 1), axis, in.get(1));
        return body.apply("dynamic_slice", operands, ", sizes = " + type.shape().toList(), type);
    }

    private HloValue dynamicUpdateSlice(int axis, List<HloValue> in, TensorType type) {
        return body.apply("dynamic_update_slice", withStarts(in.subList(0, 2), axis, in.get(2)), "", type);
    }

    /** The operands, then a start for each axis of the first: 0 for all but one. StableHLO clamps like us. */
    private List<HloValue> withStarts(List<HloValue> operands, int axis, HloValue start) {
        var all = new ArrayList<>(operands);
        for (int i = 0; i < operands.getFirst().type().rank(); i++) {
            all.add(i == axis ? start : body.constant(TensorType.i32(), 0));
        }
        return all;
    }

    private List<HloValue> annotate(Note note, List<HloValue> in) {
        return switch (note) {
            case Note.Barrier() -> body.barrier(in);
            case Note.StopGradient() -> in;
            case Note.Sharding(var axes) ->
                in.stream().map(x -> sharded(x, axes)).toList();
        };
    }

    private HloValue sharded(HloValue x, List<String> axes) {
        if (sharding == null) {
            throw HloSharding.withoutMesh(x.type(), axes);
        }
        return sharding.constrain(body, x, axes);
    }
}
