package io.coda4j.coder.cli;

import io.coda4j.coder.generate.DenoisingWatcher;
import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.generate.Template;
import io.coda4j.coder.terminal.DenoisingView;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.diffusion.sampling.RunListener;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;

/** Fills a template and shows it, for the commands that do. */
final class Filling {
    private final Generator generator;
    private final Template template;
    private final Generator.Filled result;

    private Filling(Generator generator, Template template, Generator.Filled result) {
        this.generator = generator;
        this.template = template;
        this.result = result;
    }

    /** Fills the holes; with {@code watch} each step is shown on standard error. */
    static Filling of(Generator generator, Template template, SamplingOptions options, boolean watch) {
        var window = template.window(generator.config().maxPositions());
        var tokens = Arrays.copyOfRange(template.tokens(), window.start(), window.end());
        int masks = template.holes().stream().mapToInt(Template.Hole::length).sum();
        int span = window.end() - template.holes().getFirst().start();
        var settings = options.settings(generator, masks, span);
        return new Filling(generator, template, merge(template, window, fill(generator, tokens, settings, watch)));
    }

    private static Generator.Filled fill(Generator generator, int[] tokens, UnmaskingSettings settings, boolean watch) {
        if (!watch) {
            return generator.fill(tokens, settings, RunListener.NONE);
        }
        try (var view = new DenoisingView(Terminal.of(System.err), settings.steps())) {
            var watcher = new DenoisingWatcher(
                    generator.tokenizer(),
                    generator.config().transformer().vocabulary(),
                    settings.maskId(),
                    (step, pieces) -> view.show(step + 1, pieces));
            return generator.fill(tokens, settings, watcher);
        }
    }

    private static Generator.Filled merge(Template template, Template.Hole window, Generator.Filled part) {
        var whole = template.tokens().clone();
        System.arraycopy(part.tokens(), 0, whole, window.start(), part.tokens().length);
        return new Generator.Filled(whole, part.work(), part.seconds());
    }

    /** The whole text. */
    String text() {
        return decode(0, result.tokens().length);
    }

    private String decode(int start, int end) {
        return generator.tokenizer().decode(Arrays.copyOfRange(result.tokens(), start, end));
    }

    /** The result for machines. */
    String json() {
        var fields = new LinkedHashMap<String, Object>();
        fields.put("text", text());
        fields.put(
                "holes",
                template.holes().stream()
                        .map(hole -> Map.of("text", decode(hole.start(), hole.end()), "tokens", hole.length()))
                        .toList());
        fields.put("tokens", result.tokens());
        fields.put("forwards", result.forwards());
        fields.put("seconds", result.seconds());
        return new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields);
    }
}
