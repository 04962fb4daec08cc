package io.coda4j.coder.cli;

import io.coda4j.coder.files.TextFile;
import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.generate.Template;
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
            "  coda infill --model out/demo/model --prefix 'if (x == ' --suffix ') {' --tokens 1",
            "  coda infill --model M --file T.java --decode threshold --threshold 0.8 --json"
        })
final class InfillCommand implements Callable<Integer> {
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
    private @Nullable Integer tokens;

    @Mixin
    private FillingOptions filling = new FillingOptions();

    @Override
    public Integer call() {
        boolean isBetween = prefix != null || suffix != null;
        if ((file != null) == isBetween) {
            throw new UsageException(
                    "give either --file FILE with [[MASK:n]] holes, or --prefix and --suffix with" + " --tokens");
        }
        if (isBetween && length() < 1) {
            throw new UsageException("--prefix and --suffix need --tokens N with N at least 1, got " + length());
        }
        new IdleOptions(!isBetween, "with --file, whose holes [[MASK:n]] say how long they are")
                .refuse("--tokens", tokens != null);
        filling.check();
        var text = file == null ? null : TextFile.read(file);
        filling.run(generator -> template(text, generator), false, isBetween ? System.lineSeparator() : "");
        return 0;
    }

    private Template template(@Nullable String text, Generator generator) {
        var tokenizer = generator.tokenizer();
        int maskId = generator.maskId();
        if (text != null) {
            return Template.parse(text, tokenizer, maskId);
        }
        Filling.requireRoom(generator, "--tokens", length());
        return Template.between(orEmpty(prefix), length(), orEmpty(suffix), tokenizer, maskId);
    }

    private int length() {
        return tokens == null ? 0 : tokens;
    }

    private static String orEmpty(@Nullable String text) {
        return text == null ? "" : text;
    }
}
