package io.coda4j.coder.cli;

import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.generate.Template;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Function;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** The options that generating and infilling share, and what both do with them. */
final class FillingOptions {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Folder of the model.")
    private Path model = Path.of("");

    @Option(
            names = "--watch",
            description = "Show the denoising, step by step, on standard error; the text comes at the end.")
    private boolean watch;

    @Option(
            names = "--json",
            description =
                    "Print text, tokens, how many of the given ones the model had no room for (unseenTokens), model runs"
                            + " (forwards), tokens per forward, seconds by phase and tokens per second as JSON.")
    private boolean json;

    @Option(
            names = "--report-drift",
            description = "Run the exact decoder as well, and say how many tokens are the same.")
    private boolean reportDrift;

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private PrecisionOption precision = new PrecisionOption();

    @Mixin
    private DeviceOption device = new DeviceOption();

    /**
     * Checks what needs no model.
     *
     * @throws UsageException naming the option
     */
    void check() {
        sampling.check();
    }

    /**
     * Loads the model, fills a template and prints the result.
     *
     * @param isOpen whether the text ends where the model ends it
     * @param after printed behind the text
     */
    void run(Function<Generator, Template> template, boolean isOpen, String after) {
        with((generator, loadSeconds) -> {
            var filling = new Filling(generator, template.apply(generator), sampling, isOpen);
            filling.cut().ifPresent(System.err::println);
            if (json) {
                printJson(filling, loadSeconds);
            } else {
                printText(filling, after);
            }
        });
    }

    /**
     * Loads the model, continues several texts in one batch and prints them.
     *
     * @throws UsageException for options that are about one text
     */
    void runTogether(Function<Generator, List<Template>> templates) {
        if (watch || reportDrift) {
            throw new UsageException(
                    (watch ? "--watch" : "--report-drift") + " is for one --prompt; give the prompts one by one");
        }
        with((generator, loadSeconds) -> {
            var fillings = templates.apply(generator).stream()
                    .map(template -> new Filling(generator, template, sampling, true))
                    .toList();
            for (int i = 0; i < fillings.size(); i++) {
                var prompt = "prompt " + (i + 1) + ": ";
                fillings.get(i).cut().ifPresent(line -> System.err.println(prompt + line));
            }
            var results = Filling.runTogether(fillings);
            if (json) {
                System.out.println(Filling.json(Filling.fields(results, loadSeconds)));
            } else {
                var texts = results.stream().map(Filling.Result::text).toList();
                System.out.println(String.join(System.lineSeparator().repeat(2), texts));
            }
        });
    }

    /** What is done with a loaded model. */
    @FunctionalInterface
    private interface Work {
        void with(Generator generator, double loadSeconds);
    }

    private void with(Work work) {
        long began = System.nanoTime();
        try (var loaded = device.open(opened -> Generator.open(model, opened, precision.asked()));
                var generator = loaded.withCaching(sampling.caching(loaded))) {
            work.with(generator, (System.nanoTime() - began) * 1e-9);
        }
    }

    private void printJson(Filling filling, double loadSeconds) {
        var result = watch ? filling.watch() : filling.run();
        var fields = result.fields(loadSeconds);
        if (reportDrift) {
            fields.put("drift", result.drift(filling.exact()).fields());
        }
        System.out.println(Filling.json(fields));
    }

    private void printText(Filling filling, String after) {
        var result = watch ? filling.watch() : filling.stream();
        System.out.print((watch ? result.text() : "") + after);
        if (reportDrift) {
            System.out.flush();
            System.err.println(result.drift(filling.exact()));
        }
    }
}
