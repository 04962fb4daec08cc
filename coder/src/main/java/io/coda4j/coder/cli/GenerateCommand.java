package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.generate.Template;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code coda generate}: continues a prompt. */
@Command(
        name = "generate",
        mixinStandardHelpOptions = true,
        description = {
            "Continues a prompt by denoising masks behind it, or token by token if the model is autoregressive. The text"
                    + " is printed as its finished beginning grows; it ends where the model ends it."
        },
        footer = {
            "",
            "Examples:",
            "  coda generate --model out/demo/model --prompt 'public static boolean isEmpty(' --max-tokens 32",
            "  coda generate --model M --prompt 'def add(' --steps 16 --watch      four tokens at a time",
            "  coda generate --model M --prompt 'def add(' --prompt 'def sub(' --cache dual --json",
            "  coda generate --model M --prompt 'def add(' --cache dual --block 32 --decode threshold --threshold 0.9"
                    + " --report-drift"
        })
final class GenerateCommand implements Callable<Integer> {
    @Option(
            names = "--prompt",
            required = true,
            paramLabel = "T",
            description =
                    "The text to continue. Several are continued in one batch, each as if it were alone, and printed"
                            + " in order with an empty line between them.")
    private List<String> prompts = List.of();

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "64",
            description = "Most tokens to generate (default 64). Of a long prompt the model sees the end that has room"
                    + " beside them.")
    private int maxTokens = 64;

    @Mixin
    private FillingOptions filling = new FillingOptions();

    @Override
    public Integer call() {
        if (maxTokens < 1) {
            throw new UsageException("--max-tokens must be at least 1, got " + maxTokens);
        }
        filling.check();
        if (prompts.size() == 1) {
            filling.run(generator -> template(prompts.getFirst(), generator), true, System.lineSeparator());
        } else {
            filling.runTogether(generator ->
                    prompts.stream().map(prompt -> template(prompt, generator)).toList());
        }
        return 0;
    }

    private Template template(String prompt, Generator generator) {
        Filling.requireRoom(generator, "--max-tokens", maxTokens);
        return Template.between(prompt, maxTokens, "", generator.tokenizer(), generator.maskId());
    }
}
