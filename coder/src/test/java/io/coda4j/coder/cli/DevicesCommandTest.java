package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class DevicesCommandTest {
    @TempDir
    private Path folder;

    private static JsonNode cpu(Invocation outcome) {
        assertEquals(0, outcome.code(), outcome::toString);
        for (var device : new JsonMapper().readTree(outcome.out())) {
            if (device.get("device").asString().equals("cpu")) {
                return device;
            }
        }
        throw new AssertionError("no cpu in\n" + outcome);
    }

    private Invocation withOptions(String options, String... args) throws IOException, InterruptedException {
        return CodaProcess.start(folder, Map.of("JAVA_TOOL_OPTIONS", options), List.of(args))
                .await();
    }

    /** Of each group the traits in their order, as "name" where used and "name: reason" elsewhere. */
    private static Map<String, List<String>> traits(JsonNode device) {
        var groups = new HashMap<String, List<String>>();
        for (var trait : device.get("traits")) {
            assertEquals(trait.get("used").asBoolean(), trait.get("reason") == null, trait::toString);
            var name = trait.get("name").asString();
            groups.computeIfAbsent(trait.get("group").asString(), _ -> new ArrayList<>())
                    .add(
                            trait.get("used").asBoolean()
                                    ? name
                                    : name + ": " + trait.get("reason").asString());
        }
        return groups;
    }

    @Test
    void kernelsAreListedWithTheReasonsWhyTheyAreNotUsed() {
        var traits = traits(cpu(Invocation.of("devices", "--json")));
        assertEquals(10, traits.getOrDefault("features", List.of()).size(), traits::toString);
        checkProducts(3, "avx512_f32", traits.getOrDefault("f32 products", List.of()));
        checkProducts(3, "amx_bf16", traits.getOrDefault("bf16 products", List.of()));
        checkProducts(5, "amx_int8", traits.getOrDefault("int8 products", List.of()));
    }

    /** So many kernels, one of which is used. */
    private static void checkProducts(int count, String first, List<String> kernels) {
        assertEquals(count, kernels.size(), kernels::toString);
        assertTrue(kernels.getFirst().startsWith(first), kernels::toString);
        assertTrue(kernels.getLast().startsWith("vector"), kernels::toString);
        assertEquals(1, kernels.stream().filter(line -> !line.contains(": ")).count(), kernels::toString);
    }

    @Test
    void theTableSaysTheSame() {
        var outcome = Invocation.of("devices");
        assertEquals(0, outcome.code(), outcome::toString);
        assertTrue(
                outcome.out().lines().anyMatch(line -> line.matches(" +bf16 products +vector +(used|not used: .+)")));
    }

    @Test
    void machineCodeCanBeSwitchedOff() throws IOException, InterruptedException {
        var device = cpu(withOptions("-Dcoda.kernels=vector", "devices", "--json"));
        var why = ": switched off by -Dcoda.kernels=vector";
        assertEquals(
                List.of("amx_bf16" + why, "avx512_bf16" + why, "vector"),
                traits(device).get("bf16 products"));
        assertEquals(
                "vector",
                traits(device).getOrDefault("int8 products", List.of()).getLast());
    }

    @Test
    void aSettingThatCannotBeIsExplained() throws IOException, InterruptedException {
        var outcome = withOptions("-Dcoda.kernels=fast", "devices");
        assertTrue(
                outcome.out().contains("unusable  -Dcoda.kernels=fast: expected auto, vector or x86"),
                outcome::toString);
    }
}
