package io.coda4j.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.nn.json.Json;
import io.coda4j.nn.safetensors.Safetensors;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Replays the draws that the reference made: every masked token and noise level must come out exactly. */
class RecordedForwardProcessTest {

    static List<String> cases() {
        return Fixtures.lossCases();
    }

    @Test
    void thereAreCasesOfEveryStrategy() {
        assertTrue(
                cases().containsAll(List.of("token", "prefix", "truncate", "block4", "mixed", "sft")),
                cases().toString());
    }

    @ParameterizedTest
    @MethodSource("cases")
    void recordedDrawsGiveTheRecordedBatch(String name) {
        var description = Fixtures.json("loss/" + name + ".json").asObject();
        var config = Fixtures.modelConfig(description.member("model").asString());
        try (var tensors = Fixtures.tensors("loss/" + name + ".safetensors")) {
            var process = new ForwardProcess(
                    config.member("mask_token_id").asInt(),
                    config.member("pad_token_id").asInt(),
                    MaskingForm.LEGACY,
                    NoiseLevels.INDEPENDENT);
            long[] shape = tensors.entry("input_ids").shape();
            int rows = (int) shape[0];
            int length = (int) shape[1];
            var draws = draws(description, tensors);
            var batch = process.apply(
                    tensors.ints("input_ids"), rows, length, srcMask(tensors), setting(description), draws);
            assertArrayEquals(tensors.ints("noisy_ids"), batch.noisyIds());
            assertArrayEquals(tensors.ints("targets"), batch.targets());
            assertArrayEquals(tensors.floats("sigma"), batch.sigma());
            assertArrayEquals(tensors.ints("maskable"), toInts(batch.maskable()));
            assertEquals(description.member("mask_block_size").asInt(), batch.blockSize());
            assertTrue(draws.isExhausted());
        }
    }

    private static RecordedDraws draws(Json.Obj description, Safetensors tensors) {
        var draws = new ArrayList<RecordedDraws.Draw>();
        for (var kind : description.member("draw_order").asList()) {
            var name = "draw." + draws.size() + "." + kind.asString();
            draws.add(
                    kind.asString().equals("rand")
                            ? new RecordedDraws.Uniforms(tensors.floats(name))
                            : new RecordedDraws.Integers(tensors.ints(name)));
        }
        return new RecordedDraws(draws);
    }

    private static boolean @Nullable [] srcMask(Safetensors tensors) {
        if (!tensors.contains("src_mask")) {
            return null;
        }
        var ints = tensors.ints("src_mask");
        var mask = new boolean[ints.length];
        for (int i = 0; i < mask.length; i++) {
            mask[i] = ints[i] != 0;
        }
        return mask;
    }

    private static MaskingSetting setting(Json.Obj description) {
        var schedule = description.member("schedule").asObject();
        var sizes = schedule.members().getOrDefault("mask_block_sizes", new Json.Arr(List.of()));
        return MaskingSetting.of(
                schedule.member("prefix_probability").asDouble(),
                schedule.member("truncate_probability").asDouble(),
                schedule.member("block_masking_probability").asDouble(),
                sizes.asList().stream().map(Json::asInt).toList());
    }

    private static int[] toInts(boolean[] flags) {
        var ints = new int[flags.length];
        for (int i = 0; i < flags.length; i++) {
            ints[i] = flags[i] ? 1 : 0;
        }
        return ints;
    }
}
