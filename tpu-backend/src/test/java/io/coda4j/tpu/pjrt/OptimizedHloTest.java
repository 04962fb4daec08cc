package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.coda4j.tensor.spi.Collective;
import java.util.List;
import org.junit.jupiter.api.Test;

class OptimizedHloTest {
    private static final int F32 = 11;
    private static final int BF16 = 16;

    private static ProtoWriter shape(int type, int... dims) {
        var shape = new ProtoWriter().number(2, type);
        for (int dim : dims) {
            shape.number(3, dim);
        }
        return shape;
    }

    private static ProtoWriter tuple(ProtoWriter... parts) {
        var tuple = new ProtoWriter().number(2, 13);
        for (var part : parts) {
            tuple.message(4, part);
        }
        return tuple;
    }

    private static ProtoWriter instruction(int id, String opcode, ProtoWriter shape, int... operands) {
        var instruction = new ProtoWriter()
                .text(1, opcode + id)
                .text(2, opcode)
                .message(3, shape)
                .number(35, id);
        for (int operand : operands) {
            instruction.number(36, operand);
        }
        return instruction;
    }

    private static ProtoWriter computation(int id, ProtoWriter... instructions) {
        var computation = new ProtoWriter().text(1, "computation" + id).number(5, id);
        for (var instruction : instructions) {
            computation.message(2, instruction);
        }
        return computation;
    }

    private static byte[] module(ProtoWriter... computations) {
        var module = new ProtoWriter().text(1, "module").number(6, 1);
        for (var computation : computations) {
            module.message(3, computation);
        }
        return new ProtoWriter().message(1, module).toBytes();
    }

    @Test
    void collectivesInLoopsCountOncePerTurn() {
        var weights = shape(BF16, 8, 4);
        var gathered = shape(BF16, 32, 4);
        var body = computation(2, instruction(20, "parameter", weights), instruction(21, "all-gather", gathered, 20));
        var loop = instruction(11, "while", tuple(weights), 10)
                .number(38, 2)
                .text(43, "{\"known_trip_count\":{\"n\":\"28\"},\"other\":1}");
        var entry = computation(
                1,
                instruction(10, "parameter", weights),
                loop,
                instruction(12, "all-reduce", shape(F32, 10), 10),
                instruction(13, "all-gather", gathered, 10));
        assertEquals(
                List.of(
                        new Collective("all-gather", 2, 1, 29, 29 * 256),
                        new Collective("all-reduce", 1, 0, 1, 2 * 64)),
                OptimizedHlo.collectives(module(entry, body)));
    }

    @Test
    void aLoopTurnsAsOftenAsItsConditionSays() {
        var counter = shape(4);
        var body = computation(2, instruction(20, "parameter", counter), instruction(21, "all-reduce", counter, 20));
        var condition = computation(
                3,
                instruction(30, "parameter", counter),
                instruction(31, "constant", counter).message(8, new ProtoWriter().number(4, 28)),
                instruction(32, "compare", shape(1), 30, 31));
        var entry =
                computation(1, instruction(10, "while", counter).number(38, 2).number(38, 3));
        assertEquals(
                List.of(new Collective("all-reduce", 1, 1, 28, 28 * 8)),
                OptimizedHlo.collectives(module(entry, body, condition)));
    }

    @Test
    void whatStartsHasItsOperandInItsResult() {
        var part = shape(F32, 100);
        var whole = shape(F32, 400);
        var entry = computation(
                1,
                instruction(10, "parameter", part),
                instruction(11, "all-gather-start", tuple(part, whole), 10),
                instruction(12, "all-gather-done", whole, 11),
                instruction(13, "fusion", whole).number(38, 2));
        var fused = computation(2, instruction(20, "parameter", whole), instruction(21, "reduce-scatter", part, 20));
        assertEquals(
                List.of(new Collective("all-gather", 1, 0, 1, 1600), new Collective("reduce-scatter", 1, 0, 1, 1600)),
                OptimizedHlo.collectives(module(entry, fused)));
    }

    @Test
    void otherBytesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> OptimizedHlo.collectives(new byte[] {10, 50, 1}));
        assertEquals(List.of(), OptimizedHlo.collectives(new byte[0]));
    }
}
