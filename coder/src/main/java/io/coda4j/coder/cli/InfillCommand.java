package io.coda4j.coder.cli;

import io.coda4j.coder.files.TextFile;
import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.generate.Template;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code coda infill}: fills holes in code, seeing what is before and after them. */
@Command(
        name = "infill",
        mixinStandardHelpOptions = true,
        description = "Fills holes in code, seeing what stands before and after them.",
        footer = {
            "",
            "Examples:",
            "  echo 'return [[MASK:4]];' > T.java && coda infill --model out/demo/model --file T.java",
            "  coda infill --model out/demo/model --prefix 'if (x == ' --suffix ') {' --tokens 1"
        })
final class InfillCommand implements Callable<Integer> {
    @Option(names = "--model", required = true, paramLabel = "DIR", description = "Folder of the model.")
    private Path model = Path.of("");

    @Option(
            names = "--file",
            paramLabel = "FILE",
            description = "Text with holes [[MASK:n]] of n tokens each; the filled text is printed.")
    private @Nullable Path file;

    @Option(names = "--prefix", paramLabel = "P", description = "Code before the hole, instead of --file.")
    private @Nullable String prefix;

    @Option(names = "--suffix", paramLabel = "Q", description = "Code after the hole.")
    private @Nullable String suffix;

    @Option(names = "--tokens", paramLabel = "N", description = "Length of the hole between prefix and suffix.")
    private int tokens;

    @Option(names = "--watch", description = "Show the denoising, step by step, on standard error.")
    private boolean watch;

    @Option(names = "--json", description = "Print text, holes, tokens, model runs and seconds as JSON.")
    private boolean json;

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Override
    public Integer call() {
        boolean isBetween = prefix != null || suffix != null;
        if ((file != null) == isBetween) {
            throw new UsageException(
                    "give either --file FILE with [[MASK:n]] holes, or --prefix and --suffix with" + " --tokens");
        }
        if (isBetween && tokens < 1) {
            throw new UsageException("--prefix and --suffix need --tokens N with N at least 1, got " + tokens);
        }
        sampling.check();
        var text = file == null ? null : TextFile.read(file);
        try (var generator = Generator.open(model, device.open())) {
            var filling = Filling.of(generator, template(text, generator.tokenizer()), sampling, watch);
            System.out.print(json ? filling.json() + "\n" : filling.text() + (isBetween ? "\n" : ""));
        }
        return 0;
    }

    private Template template(@Nullable String text, BpeTokenizer tokenizer) {
        return text == null
                ? Template.between(orEmpty(prefix), tokens, orEmpty(suffix), tokenizer)
                : Template.parse(text, tokenizer);
    }

    private static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }
}
