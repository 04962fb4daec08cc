package io.coda4j.coder.cli;

import io.coda4j.coder.verify.CheckpointVerification;
import io.coda4j.coder.verify.GateResult;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.json.JsonMapper;

/** {@code coda verify-checkpoint}: whether the parts of a checkpoint are sound and fit each other. */
@Command(
        name = "verify-checkpoint",
        mixinStandardHelpOptions = true,
        description = {
            "Checks a checkpoint before its results are trusted: all tensors there and of the right shape, a head that"
                    + " was not silently replaced by the embedding, finite numbers, a tokenizer that knows the mask"
                    + " token, and attention in the direction that config.json claims.",
            "The checks that do not need to read all weights are made at every loading too."
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:all gates passed",
            "1:at least one did not",
            "2:DIR holds no checkpoint, or a file of it cannot be read"
        },
        footer = {"", "Example:", "  coda verify-checkpoint CoDA-v0-Instruct"})
final class VerifyCommand implements Callable<Integer> {
    @Parameters(paramLabel = "DIR", description = "Folder with config.json and *.safetensors.")
    private Path folder = Path.of("");

    @Option(names = "--json", description = "Print the gates as JSON.")
    private boolean json;

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Override
    public Integer call() {
        var results = new ArrayList<GateResult>();
        boolean passed = new CheckpointVerification(folder, device.open(), result -> {
                    results.add(result);
                    if (!json) {
                        print(result);
                    }
                })
                .run();
        if (json) {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("passed", passed);
            fields.put("gates", fields(results));
            System.out.println(new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields));
        } else {
            System.out.println(passed ? "PASS: the checkpoint is sound" : "FAIL: do not trust this checkpoint");
        }
        return passed ? 0 : 1;
    }

    private static void print(GateResult result) {
        System.out.printf(Locale.ROOT, "%-14s %-5s %s%n", result.gate(), result.status(), result.detail());
    }

    private static List<Map<String, String>> fields(List<GateResult> results) {
        return results.stream()
                .map(result -> {
                    var fields = new LinkedHashMap<String, String>();
                    fields.put("gate", result.gate());
                    fields.put("result", result.status().name());
                    fields.put("detail", result.detail());
                    return (Map<String, String>) fields;
                })
                .toList();
    }
}
