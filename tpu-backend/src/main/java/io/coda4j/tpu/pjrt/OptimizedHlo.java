package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.spi.Collective;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.regex.Pattern;

/**
 * A program as XLA's compiler left it, message {@code xla.HloModuleProtoWithConfig}, read for what its devices exchange.
 */
final class OptimizedHlo {
    /** The format that holds such a message. */
    static final String FORMAT = "hlo_with_config";

    // Numbers of fields: xla/service/hlo.proto and xla/xla_data.proto.
    private static final int HLO_MODULE = 1;
    private static final int ENTRY_COMPUTATION_ID = 6;
    private static final int COMPUTATIONS = 3;
    private static final int COMPUTATION_ID = 5;
    private static final int INSTRUCTIONS = 2;
    private static final int OPCODE = 2;
    private static final int SHAPE = 3;
    private static final int LITERAL = 8;
    private static final int ID = 35;
    private static final int OPERAND_IDS = 36;
    private static final int CALLED_COMPUTATION_IDS = 38;
    private static final int BACKEND_CONFIG = 43;
    private static final int ELEMENT_TYPE = 2;
    private static final int DIMENSIONS = 3;
    private static final int TUPLE_SHAPES = 4;
    private static final int S32S = 4;
    private static final int S64S = 5;

    private static final String START = "-start";
    private static final List<String> OPERATIONS =
            List.of("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute");

    private static final Pattern TRIPS = Pattern.compile("\"known_trip_count\":\\{\"n\":\"?(\\d+)");

    /** An instruction, as far as it matters here. */
    private record Instruction(
            String opcode,
            long bytes,
            List<Long> operands,
            List<Long> called,
            OptionalLong trips,
            OptionalLong constant) {
        private boolean isLoop() {
            return opcode.equals("while");
        }

        private String operation() {
            return opcode.endsWith(START) ? opcode.substring(0, opcode.length() - START.length()) : opcode;
        }
    }

    /** How a computation is reached: how often in a run, and whether from within a loop. */
    private record Reached(long runs, boolean inLoop) {}

    private final Map<Long, Map<Long, Instruction>> computations = new HashMap<>();
    private final Map<String, Collective> collectives = new TreeMap<>();

    private OptimizedHlo(ProtoReader module) {
        for (var bytes : module.messages(COMPUTATIONS)) {
            var computation = new ProtoReader(bytes);
            var instructions = new HashMap<Long, Instruction>();
            for (var each : computation.messages(INSTRUCTIONS)) {
                var instruction = new ProtoReader(each);
                instructions.put(instruction.number(ID), instruction(instruction));
            }
            computations.put(computation.number(COMPUTATION_ID), instructions);
        }
        count(module.number(ENTRY_COMPUTATION_ID), new Reached(1, false));
    }

    /**
     * What the devices of a program exchange, by operation.
     *
     * @throws IllegalArgumentException if {@code message} is no such message
     */
    static List<Collective> collectives(byte[] message) {
        var module = new ProtoReader(new ProtoReader(message).message(HLO_MODULE));
        return List.copyOf(new OptimizedHlo(module).collectives.values());
    }

    private static Instruction instruction(ProtoReader instruction) {
        var config = new String(instruction.message(BACKEND_CONFIG), StandardCharsets.ISO_8859_1);
        var trips = TRIPS.matcher(config);
        return new Instruction(
                instruction.text(OPCODE),
                bytes(new ProtoReader(instruction.message(SHAPE))),
                instruction.numbers(OPERAND_IDS),
                instruction.numbers(CALLED_COMPUTATION_IDS),
                trips.find() ? OptionalLong.of(Long.parseLong(trips.group(1))) : OptionalLong.empty(),
                constant(new ProtoReader(instruction.message(LITERAL))));
    }

    /** The value of an integer. */
    private static OptionalLong constant(ProtoReader literal) {
        var numbers = new ArrayList<>(literal.numbers(S32S));
        numbers.addAll(literal.numbers(S64S));
        return numbers.size() == 1 ? OptionalLong.of(numbers.getFirst()) : OptionalLong.empty();
    }

    /** The bytes of a value, of all its parts if it is a tuple. */
    private static long bytes(ProtoReader shape) {
        var parts = shape.messages(TUPLE_SHAPES);
        if (!parts.isEmpty()) {
            return parts.stream()
                    .mapToLong(part -> bytes(new ProtoReader(part)))
                    .sum();
        }
        long elements = shape.numbers(DIMENSIONS).stream().reduce(1L, (a, b) -> a * b);
        return elements * elementBytes((int) shape.number(ELEMENT_TYPE));
    }

    /** Sizes of {@code xla.PrimitiveType}; types of less than a byte count as one. */
    private static int elementBytes(int type) {
        return switch (type) {
            case 3, 7, 10, 16 -> 2;
            case 4, 8, 11 -> 4;
            case 5, 9, 12, 15 -> 8;
            case 18 -> 16;
            // Tuples, tokens and opaque values have no bytes of their own.
            case 0, 13, 14, 17 -> 0;
            default -> 1;
        };
    }

    private void count(long id, Reached reached) {
        var instructions = computations.getOrDefault(id, Map.of());
        for (var instruction : new ArrayList<>(instructions.values())) {
            if (OPERATIONS.contains(instruction.operation())) {
                add(instruction, instructions, reached);
            }
            var inside = instruction.isLoop() ? new Reached(reached.runs * trips(instruction), true) : reached;
            instruction.called.forEach(called -> count(called, inside));
        }
    }

    /**
     * How often a loop turns: as the compiler says, else the bound in its condition, because loops are written so that
     * they count from 0.
     */
    private long trips(Instruction loop) {
        var bounds = loop.called.stream()
                .skip(1)
                .flatMap(condition -> computations.getOrDefault(condition, Map.of()).values().stream())
                .map(Instruction::constant)
                .flatMapToLong(OptionalLong::stream)
                .toArray();
        return loop.trips.orElse(bounds.length == 1 ? Math.max(1, bounds[0]) : 1);
    }

    private void add(Instruction instruction, Map<Long, Instruction> others, Reached reached) {
        long in = instruction.operands.stream()
                .map(others::get)
                .filter(java.util.Objects::nonNull)
                .mapToLong(Instruction::bytes)
                .sum();
        boolean starts = instruction.opcode.endsWith(START);
        // What starts has its operands in its result as well.
        long out = Math.max(0, instruction.bytes - (starts && instruction.bytes > in ? in : 0));
        long passing = Math.max(in, out) * (instruction.operation().equals("all-reduce") ? 2 : 1);
        var one = new Collective(
                instruction.operation(), 1, reached.inLoop ? 1 : 0, reached.runs, passing * reached.runs);
        collectives.merge(one.operation(), one, OptimizedHlo::sum);
    }

    private static Collective sum(Collective a, Collective b) {
        return new Collective(
                a.operation(),
                a.places() + b.places(),
                a.inLoops() + b.inLoops(),
                a.runs() + b.runs(),
                a.bytes() + b.bytes());
    }
}
