package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.generate.Template;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code coda generate}: continues a prompt. */
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        description = "Continues a prompt by denoising masks behind it.",
        footer = {
            "",
            "Example:",
            "  coda generate --model out/demo/model --prompt 'public static boolean isEmpty(' --max-tokens 32"
                    + " --steps 16 --alg entropy"
        })
final class GenerateCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Folder of the model.")
    private Path model = Path.of("");

    @Option(names = "--prompt", required = true, paramLabel = "T", description = "The text to continue.")
    private String prompt = "";

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "64",
            description = "Tokens to generate (default 64).")
    private int maxTokens = 64;

    @Option(names = "--watch", description = "Show the denoising, step by step, on standard error.")
    private boolean watch;

    @Option(names = "--json", description = "Print text, tokens, model runs and seconds as JSON.")
    private boolean json;

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Override
    public Integer call() {
        if (maxTokens < 1) {
            throw new UsageException("--max-tokens must be at least 1, got " + maxTokens);
        }
        sampling.check();
        try (var generator = Generator.open(model, device.open())) {
            var template = Template.between(prompt, maxTokens, "", generator.tokenizer());
            var filling = Filling.of(generator, template, sampling, watch);
            System.out.println(json ? filling.json() : filling.text());
        }
        return 0;
    }
}
