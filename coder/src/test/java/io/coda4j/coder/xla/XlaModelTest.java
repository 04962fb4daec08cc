package io.coda4j.coder.xla;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.coder.generate.ModelDenoiser;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.Initialization;
import io.coda4j.coder.parity.ParityResult;
import io.coda4j.coder.parity.ParityRun;
import io.coda4j.coder.parity.RecordedFixtures;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Whole models as StableHLO on XLA's CPU compiler. */
class XlaModelTest {
    private static final int VOCABULARY = 30;

    @TempDir
    private Path folder;

    /**
     * Everything that was recorded from the reference implementation, by the same tolerances as on the CPU: passes,
     * losses with all gradients, samplers, and 30 steps of training with either optimiser.
     */
    @Test
    void givesTheRecordedResults() {
        var device = XlaCompiler.device();
        var results = new ArrayList<ParityResult>();
        var summary = new ParityRun(RecordedFixtures.copyAll(folder), device).run(results::add);
        assertEquals(
                "",
                results.stream()
                        .filter(result -> result.status() != ParityResult.Status.PASS)
                        .map(ParityResult::toString)
                        .collect(Collectors.joining("\n")));
        assertEquals(
                2,
                results.stream()
                        .filter(result -> result.toString().contains("train")
                                && result.toString().contains("losses"))
                        .count(),
                () -> results.toString());
        assertEquals(results.size(), summary.passed());
    }

    private static float[] denoise(CodaConfig config, LanguageModel model, Device device) {
        var canvas = new Canvas(
                2, 9, IntStream.range(0, 18).map(i -> i * 7 % VOCABULARY).toArray());
        var positions = new int[] {0, 3, 8, 9, 17};
        var out = new float[positions.length * VOCABULARY];
        try (var denoiser = new ModelDenoiser(config, model, device)) {
            denoiser.denoise(
                    new DenoiseRequest(canvas, positions, 0, List.of()),
                    (first, count, logits) -> System.arraycopy(logits, 0, out, first * VOCABULARY, count * VOCABULARY));
        }
        return out;
    }

    /** BF16 is rounded after every operation, in two orders of summation: the logits are of size 1. */
    @ParameterizedTest
    @CsvSource({"F32,1e-5", "BF16,0.1"})
    void aDenoisingStepGivesTheLogitsOfTheCpu(DType dtype, float tolerance) {
        var device = XlaCompiler.device();
        var transformer = new TransformerConfig(VOCABULARY, 16, 2, 2, 1, 8, 24, 1e4, 1e-6, false, -1);
        var config = new CodaConfig(transformer, 29, -1, AttentionMask.FULL, true, 512);
        var cpu = Devices.defaultDevice();
        var wide = new Initialization(.3, false).initialize(transformer, 3, cpu);
        var model = Tree.map(wide, (_, leaf) -> leaf.convert(dtype));
        var moved = Tree.map(model, (_, leaf) -> ((Array) leaf).to(device));
        var expected = denoise(config, model, cpu);
        var got = denoise(config, moved, device);
        for (int i = 0; i < expected.length; i++) {
            assertEquals(expected[i], got[i], tolerance, "logit " + i);
        }
    }
}
