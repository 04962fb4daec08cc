package io.coda4j.tensor.opencl;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Elements;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.BinaryOp;
import io.coda4j.tensor.Primitive.CompareOp;
import io.coda4j.tensor.Primitive.UnaryOp;
import io.coda4j.tensor.exec.Chain;
import io.coda4j.tensor.exec.Kernel;
import io.coda4j.tensor.spi.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Kernels generated for elementwise primitives and for chains of them. */
final class ClElementwise {
    /** Single primitives on one combination of element types each, in programs small enough to build in a moment. */
    private static final List<List<Chain>> SINGLES = singles(List.of(DType.BF16, DType.F32));

    private static final List<List<Chain>> HALVES = singles(List.of(DType.F16));

    private static final List<List<Chain>> DOUBLES = singles(List.of(DType.F64));

    /** Primitives of a chain that its label names. */
    private static final int MOST_NAMED = 6;

    private final ClProgramCache programs;
    private final boolean vectors;
    private final int group;
    // Writing a source takes much longer than finding its kernel.
    private final Map<Chain, ClFunction> functions = new ConcurrentHashMap<>();

    ClElementwise(ClProgramCache programs, boolean forGpu) {
        this.programs = programs;
        this.vectors = !forGpu;
        this.group = forGpu ? 256 : 64;
    }

    /** A kernel for {@code chain} over {@code n} elements. */
    Kernel kernel(Chain chain, long n) {
        int perItem = ClSource.elementsPerItem(chain, vectors);
        long items = (n + perItem - 1) / perItem;
        var constants =
                ClSource.constants(chain).stream().map(ClElementwise::constant).toList();
        var function = functions.computeIfAbsent(chain, this::function);
        return (in, out) -> {
            var args = new ArrayList<Object>(in.length + out.length + constants.size() + 1);
            for (Buffer buffer : in) {
                args.add(ClBuffer.of(buffer));
            }
            for (Buffer buffer : out) {
                args.add(ClBuffer.of(buffer));
            }
            args.addAll(constants);
            args.add(n);
            function.run(items, group, args.toArray());
        };
    }

    private ClFunction function(Chain chain) {
        for (var library :
                chain.links().size() == 1 ? List.of(SINGLES, HALVES, DOUBLES) : List.<List<List<Chain>>>of()) {
            for (var chains : library) {
                int index = chains.indexOf(chain);
                if (index >= 0) {
                    return programs.function(ClSource.program(chains, vectors), "", "chain" + index, label(chain));
                }
            }
        }
        return programs.function(ClSource.program(List.of(chain), vectors), "", "chain0", label(chain));
    }

    /** The primitives of a chain, such as {@code mul+add+exp F32}, with how many more there are. */
    private static String label(Chain chain) {
        var links = chain.links();
        var named = links.stream()
                .limit(MOST_NAMED)
                .map(link -> link.prim().mnemonic())
                .collect(Collectors.joining("+"));
        var more = links.size() > MOST_NAMED ? "+" + (links.size() - MOST_NAMED) + " more" : "";
        return named + more + " " + links.getLast().dtype();
    }

    /** The value of a constant as it would have been stored. */
    private static Object constant(Chain.Link link) {
        var element = MemorySegment.ofArray(new byte[8]);
        Elements.set(element, link.dtype(), 0, ((Primitive.Full) link.prim()).value());
        double value = Elements.get(element, link.dtype(), 0);
        return switch (link.dtype()) {
            case BOOL, I8, I32 -> (int) value;
            case F16, BF16, F32 -> (float) value;
            case F64 -> value;
        };
    }

    private static List<List<Chain>> singles(List<DType> floats) {
        var numbers = with(floats, DType.I32);
        var all = with(numbers, DType.BOOL);
        return List.of(
                Arrays.stream(UnaryOp.values())
                        .flatMap(op -> types(op, floats, numbers).stream()
                                .map(dtype -> Chain.of(new Primitive.Unary(op), List.of(dtype), dtype)))
                        .toList(),
                Arrays.stream(BinaryOp.values())
                        .flatMap(op -> types(op, numbers).stream()
                                .map(dtype -> Chain.of(new Primitive.Binary(op), List.of(dtype, dtype), dtype)))
                        .toList(),
                Arrays.stream(CompareOp.values())
                        .flatMap(op -> all.stream()
                                .map(dtype -> Chain.of(new Primitive.Compare(op), List.of(dtype, dtype), DType.BOOL)))
                        .toList(),
                all.stream()
                        .map(dtype -> Chain.of(new Primitive.Select(), List.of(DType.BOOL, dtype, dtype), dtype))
                        .toList(),
                all.stream()
                        .flatMap(to -> all.stream().map(from -> Chain.of(new Primitive.Convert(to), List.of(from), to)))
                        .toList());
    }

    private static List<DType> types(UnaryOp op, List<DType> floats, List<DType> numbers) {
        return switch (op) {
            case NEG -> numbers;
            case NOT -> List.of(DType.BOOL);
            case EXP, LOG, SQRT, RSQRT, LOGISTIC, SIN, COS, ROUND -> floats;
        };
    }

    private static List<DType> types(BinaryOp op, List<DType> numbers) {
        return switch (op) {
            case ADD, SUB, MUL, DIV, MAX, MIN -> numbers;
            case AND, OR -> List.of(DType.BOOL);
        };
    }

    private static List<DType> with(List<DType> types, DType other) {
        return Stream.concat(types.stream(), Stream.of(other)).toList();
    }
}
