package io.coda4j.coder.cli;

import io.coda4j.coder.chat.ChatTemplate;
import io.coda4j.coder.chat.Ending;
import io.coda4j.coder.chat.Message;
import io.coda4j.coder.chat.Role;
import io.coda4j.coder.generate.DenoisingWatcher;
import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.terminal.DenoisingView;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** Messages and answers, shown on standard output. */
final class Conversation {
    private final Generator generator;
    private final SamplingOptions options;
    private final int maxTokens;
    private final Ending ending;
    private final Terminal terminal = Terminal.of(System.out);
    private final List<Message> messages = new ArrayList<>();

    Conversation(Generator generator, SamplingOptions options, int maxTokens, boolean thinking) {
        this.generator = generator;
        this.options = options;
        this.maxTokens = maxTokens;
        this.ending = thinking ? Ending.ANSWER : Ending.ANSWER_WITHOUT_THINKING;
    }

    void add(Role role, String text) {
        messages.add(Message.of(role, text));
    }

    /** Asks a person for the next line. */
    void prompt() {
        if (terminal.isInteractive()) {
            System.out.print("> ");
            System.out.flush();
        }
    }

    /** Forgets everything but what the model was told before. */
    void clear() {
        messages.removeIf(message -> message.role() != Role.SYSTEM);
    }

    /** Answers a message of the user; a message that is too long is refused and not remembered. */
    void answer(String text) {
        add(Role.USER, text);
        var prompt = fittingPrompt();
        if (prompt.length + maxTokens > generator.config().maxPositions()) {
            messages.removeLast();
            System.err.println(
                    "coda: the message has " + prompt.length + " tokens with all around it, and with an answer"
                            + " of " + maxTokens + " more than the "
                            + generator.config().maxPositions()
                            + " that the model sees; shorten it or lower --max-tokens");
            return;
        }
        var tokens = Arrays.copyOf(prompt, prompt.length + maxTokens);
        Arrays.fill(tokens, prompt.length, tokens.length, generator.maskId());
        var settings = options.settings(generator, tokens, true);
        var filled = terminal.isInteractive()
                ? watch(tokens, prompt.length, settings)
                : stream(tokens, prompt.length, settings);
        add(Role.ASSISTANT, answerIn(filled.tokens(), prompt.length));
    }

    /** The prompt for the last message, without the oldest turns if the model cannot see all. */
    private int[] fittingPrompt() {
        while (true) {
            var prompt = ChatTemplate.encode(generator.tokenizer(), messages, List.of(), ending, false);
            int oldest = messages.getFirst().role() == Role.SYSTEM ? 1 : 0;
            boolean fits = prompt.length + maxTokens <= generator.config().maxPositions();
            if (fits || messages.size() - oldest < 3) {
                return prompt;
            }
            messages.subList(oldest, oldest + 2).clear();
        }
    }

    private Generator.Filled stream(int[] tokens, int from, UnmaskingSettings settings) {
        var stream =
                new TextStream(generator.tokenizer(), generator.maskId(), from, from, generator.ends(), System.out);
        var filled = generator.fill(tokens, settings, stream);
        stream.finish();
        System.out.println();
        return filled;
    }

    private Generator.Filled watch(int[] tokens, int from, UnmaskingSettings settings) {
        Generator.Filled filled;
        try (var view = new DenoisingView(terminal, maxTokens)) {
            var watcher = new DenoisingWatcher(
                    generator.tokenizer(),
                    generator.config().transformer().vocabulary(),
                    generator.maskId(),
                    from,
                    generator.ends(),
                    (step, pieces) -> view.show(step + 1, pieces));
            filled = generator.fill(tokens, settings, watcher);
        }
        System.out.printf(Locale.ROOT, "%d forwards in %.1f s%n", filled.forwards(), filled.seconds());
        return filled;
    }

    private String answerIn(int[] tokens, int from) {
        var ends = generator.ends();
        int end = from;
        while (end < tokens.length && !ends.contains(tokens[end])) {
            end++;
        }
        return generator.tokenizer().decode(Arrays.copyOfRange(tokens, from, end));
    }
}
