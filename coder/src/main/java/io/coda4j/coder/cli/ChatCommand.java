package io.coda4j.coder.cli;

import io.coda4j.coder.chat.Role;
import io.coda4j.coder.generate.Generator;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code coda chat}: a conversation, line by line. */
@Command(
        name = "chat",
        mixinStandardHelpOptions = true,
        description = {
            "Answers lines from standard input, remembering the conversation. On a terminal the answer is shown while it"
                    + " is denoised; elsewhere its text is printed as its finished beginning grows.",
            "/clear forgets the conversation, /exit or the end of the input ends it."
        },
        footer = {
            "",
            "Examples:",
            "  coda chat --model CoDA-v0-Instruct --cache dual --decode threshold",
            "  echo 'Write a quick sort in Java.' | coda chat --model CoDA-v0-Instruct --max-tokens 256"
        })
final class ChatCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Folder of the model.")
    private Path model = Path.of("");

    @Option(names = "--system", paramLabel = "TEXT", description = "What the model is told before the conversation.")
    private @Nullable String system;

    @Option(
            names = "--max-tokens",
            paramLabel = "N",
            defaultValue = "256",
            description = "Most tokens of an answer (default 256).")
    private int maxTokens = 256;

    @Option(names = "--thinking", description = "Let the model think before it answers.")
    private boolean thinking;

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private PrecisionOption precision = new PrecisionOption();

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Override
    public Integer call() throws IOException {
        if (maxTokens < 1) {
            throw new UsageException("--max-tokens must be at least 1, got " + maxTokens);
        }
        sampling.check();
        try (var loaded = device.open(opened -> Generator.open(model, opened, precision.asked()));
                var generator = loaded.withCaching(sampling.caching(loaded))) {
            if (generator.tokenizer().tokenId("<|im_start|>").isEmpty()) {
                throw new UsageException(
                        model + ": the tokenizer has no \"<|im_start|>\", so this is no chat model; use generate");
            }
            Filling.requireRoom(generator, "--max-tokens", maxTokens);
            var conversation = new Conversation(generator, sampling, maxTokens, thinking);
            if (system != null) {
                conversation.add(Role.SYSTEM, system);
            }
            converse(conversation);
        }
        return 0;
    }

    private static void converse(Conversation conversation) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        while (true) {
            conversation.prompt();
            var line = in.readLine();
            if (line == null || line.strip().equals("/exit")) {
                return;
            }
            if (line.strip().equals("/clear")) {
                conversation.clear();
            } else if (!line.isBlank()) {
                conversation.answer(line);
            }
        }
    }
}
