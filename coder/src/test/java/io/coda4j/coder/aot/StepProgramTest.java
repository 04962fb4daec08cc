package io.coda4j.coder.aot;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelPreset;
import io.coda4j.nn.AdamW;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Equation;
import io.coda4j.tensor.MatrixProducts;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Collective;
import io.coda4j.tensor.spi.Compilation;
import io.coda4j.tensor.spi.MemoryReport;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Topology;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class StepProgramTest {
    private static final CodaConfig TINY = ModelPreset.tiny(512, 509, 510, 511);
    private static final AdamW ADAM_W = new AdamW(0.9, 0.95, 1e-8, 0.1, false);

    private static StepProgram.Shape shape(CodaConfig config, boolean checkpoint, Mesh mesh, Rule... rules) {
        return new StepProgram.Shape(config, DType.BF16, DType.BF16, 4, 32, checkpoint, false, mesh, List.of(rules));
    }

    @Test
    void aTrainingStepConsumesItsStateAndHasNoWeights() {
        var step = StepProgram.training(shape(TINY, true, Mesh.of("fsdp", 4)), ADAM_W);
        int tensors = TINY.transformer().tensors(DType.BF16).size();
        assertEquals(3 * tensors, step.program().donated().size());
        assertEquals(3 * tensors + 5, step.program().params().size());
        assertEquals(
                TensorType.of(DType.BF16, 512, 64),
                step.program().params().getFirst().type());
        assertEquals(List.of("fsdp", ""), step.placement().parameters().getFirst());
        step.placement().check(step.program());
    }

    /** Gradients are two products for each of the forward pass, a checkpointed layer is computed once more. */
    @Test
    void theWorkOfAStepIsThatOfItsProducts() {
        var t = TINY.transformer();
        long tokens = 4 * 32;
        double layer =
                2.0 * tokens * t.hidden() * (t.headDim() * (2 * t.heads() + 2 * t.kvHeads()) + 3 * t.intermediate())
                        + 4.0 * tokens * 32 * t.heads() * t.headDim();
        double head = 2.0 * tokens * t.hidden() * t.vocabulary();
        var mesh = Mesh.of("fsdp", 4);
        assertEquals(
                t.layers() * layer + head / 2,
                MatrixProducts.flops(
                        StepProgram.denoising(shape(TINY, false, mesh), 64).program()));
        double kept = MatrixProducts.flops(
                StepProgram.training(shape(TINY, false, mesh), ADAM_W).program());
        double again = MatrixProducts.flops(
                StepProgram.training(shape(TINY, true, mesh), ADAM_W).program());
        // Attention's own gradient computes its scores again, and chunks of logits are computed again as well.
        double scores = 2.0 * tokens * 32 * t.heads() * t.headDim();
        assertEquals(t.layers() * (3 * layer + scores) + 4 * head, kept);
        // A layer's last product is not computed again: no gradient needs its result.
        double down = 2.0 * tokens * t.intermediate() * t.hidden();
        assertEquals(t.layers() * (layer - down), again - kept);
    }

    @Test
    void aLoopDoesTheSameWorkInOneBody() {
        for (boolean checkpoint : new boolean[] {false, true}) {
            var mesh = Mesh.of("fsdp", 4);
            var listed = StepProgram.training(shape(TINY, checkpoint, mesh), ADAM_W);
            var loop = StepProgram.training(
                    new StepProgram.Shape(TINY, DType.BF16, DType.BF16, 4, 32, checkpoint, true, mesh, List.of()),
                    ADAM_W);
            assertEquals(MatrixProducts.flops(listed.program()), MatrixProducts.flops(loop.program()));
            int layered = 11 * (TINY.transformer().layers() - 1);
            assertEquals(
                    listed.program().params().size() - 3 * layered,
                    loop.program().params().size());
            loop.placement().check(loop.program());
        }
    }

    /** Each weight is rounded once, before the passes, and every product takes two narrow operands. */
    @Test
    void mixedPrecisionKeepsTheStateInF32() {
        var mesh = Mesh.of("fsdp", 4);
        for (boolean loop : new boolean[] {false, true}) {
            var step = StepProgram.training(
                    new StepProgram.Shape(TINY, DType.F32, DType.BF16, 4, 32, true, loop, mesh, List.of()), ADAM_W);
            int tensors = (step.program().params().size() - 5) / 3;
            for (var parameter : step.program().params().subList(0, 3 * tensors)) {
                assertEquals(DType.F32, parameter.type().dtype(), parameter::toString);
            }
            var products = equations(step.program())
                    .filter(e -> e.prim() instanceof Primitive.Dot)
                    .toList();
            assertFalse(products.isEmpty());
            for (var product : products) {
                product.in()
                        .forEach(operand ->
                                assertEquals(DType.BF16, operand.type().dtype(), product::toString));
            }
            step.placement().check(step.program());
        }
    }

    private static Stream<Equation> equations(Program program) {
        return program.body().stream()
                .flatMap(e -> e.prim() instanceof Primitive.Scan scan
                        ? Stream.concat(Stream.of(e), equations(scan.body()))
                        : Stream.of(e));
    }

    @Test
    void aVocabularyThatTheMeshDoesNotDivideIsNamedWithTheWayOut() {
        var mesh = Mesh.of("fsdp", 1024);
        var error = assertThrows(
                IllegalArgumentException.class,
                () -> StepProgram.denoising(
                        new StepProgram.Shape(
                                ModelPreset.coda(), DType.BF16, DType.BF16, 1024, 8, true, false, mesh, List.of()),
                        4));
        assertTrue(error.getMessage().contains("151936 = 2^7 x 1187"), error::getMessage);
        assertTrue(error.getMessage().contains("split axis 1 (2048) instead"), error::getMessage);
        var other = StepProgram.denoising(
                new StepProgram.Shape(
                        ModelPreset.coda(),
                        DType.BF16,
                        DType.BF16,
                        1024,
                        8,
                        true,
                        true,
                        mesh,
                        List.of(Rule.of("**.embedTokens.weight", "", "fsdp"), Rule.of("**.lmHead.weight", "", "fsdp"))),
                4);
        assertEquals(List.of("", "fsdp"), other.placement().parameters().getFirst());
    }

    @Test
    void theSlowestPartLimitsAStep() {
        var topology = new Topology("v5:2x2x1", 4, 100, 10, 5);
        var collectives = List.of(new Collective("all-gather", 1, 0, 1, 60), new Collective("all-reduce", 1, 0, 1, 40));
        var compiled = new Compilation.Compiled(
                "test",
                1,
                new MemoryReport(0, 0, 0, 0),
                OptionalLong.empty(),
                OptionalLong.empty(),
                OptionalDouble.empty(),
                OptionalDouble.of(50),
                collectives);
        assertEquals(new Roofline(1, OptionalDouble.of(5), 20), Roofline.of(topology, compiled, 400));
        assertEquals("links", Roofline.of(topology, compiled, 400).limit());
        assertEquals(20, Roofline.of(topology, compiled, 400).seconds());
        assertEquals("compute", Roofline.of(topology, compiled, 40_000).limit());
        assertEquals("memory", new Roofline(1, OptionalDouble.of(5), 2).limit());
    }
}
