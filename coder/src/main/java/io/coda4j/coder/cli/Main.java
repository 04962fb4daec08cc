package io.coda4j.coder.cli;

import io.coda4j.coder.corpus.CorpusException;
import io.coda4j.coder.files.FileException;
import io.coda4j.coder.generate.GenerationException;
import io.coda4j.coder.metrics.MetricsException;
import io.coda4j.coder.model.ModelException;
import io.coda4j.coder.parity.ParityException;
import io.coda4j.coder.tokenizer.TokenizerException;
import io.coda4j.coder.train.RecipeException;
import io.coda4j.nn.safetensors.SafetensorsException;
import io.coda4j.tensor.DeviceException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.TypeConversionException;
import picocli.CommandLine.UnmatchedArgumentException;

/** The command line: {@code coda COMMAND OPTIONS}. */
@Command(
        name = "coda",
        mixinStandardHelpOptions = true,
        version = Main.VERSION,
        synopsisSubcommandLabel = "COMMAND",
        description = "Trains, runs and studies a masked-diffusion code model, in Java.",
        footer = {
            "",
            "Examples:",
            "  coda demo --minutes 3        train on commons-lang3 and watch it fill code",
            "  coda infill --model out/demo/model --file Snippet.java",
            "  coda COMMAND --help          explains a command",
            "  coda bench --help            measures this engine and its peers (from a checkout)",
            "",
            "Exit codes: 0 success, 1 a check failed or an internal error, 2 bad input."
        },
        subcommands = {
            DemoCommand.class,
            TrainCommand.class,
            InfillCommand.class,
            GenerateCommand.class,
            ChatCommand.class,
            SynthCommand.class,
            QuantizeCommand.class,
            VerifyCommand.class,
            ParityCommand.class,
            DevicesCommand.class,
            CompileCommand.class,
            TuneCommand.class
        })
public final class Main {
    /** What {@code --version} prints, of this command line and of the measurements. */
    public static final String VERSION = "coda4j " + TrainingJob.VERSION;

    /** Bad input of any kind. */
    static final int USAGE = 2;

    private static final String DEBUG = "CODA_DEBUG";

    private Main() {}

    /** Runs the command that {@code args} name and ends the process with its exit code. */
    public static void main(String[] args) {
        System.exit(run(args));
    }

    /** Runs the command that {@code args} name; its exit code. */
    static int run(String... args) {
        try {
            return written(commandLine().execute(args));
        } catch (OutOfMemoryError e) {
            return explain(e);
        }
    }

    /** The command line with its messages for bad input. */
    static CommandLine commandLine() {
        return reading(new CommandLine(new Main()))
                .setParameterExceptionHandler((e, _) -> explain(e))
                .setExecutionExceptionHandler((e, _, _) -> explain(e));
    }

    /** {@code line}, which reads its arguments as all command lines here do. */
    public static CommandLine reading(CommandLine line) {
        // Each has the option, and no version of its own.
        line.getSubcommands()
                .values()
                .forEach(command -> command.getCommandSpec().version(VERSION));
        // A prompt may begin with an @ and is never the name of a file with arguments.
        return line.setExpandAtFiles(false)
                .registerConverter(Path.class, Main::path)
                .setCaseInsensitiveEnumValuesAllowed(true);
    }

    /** Of no name: that of a variable which was not set, and which Java would take for the working folder. */
    private static Path path(String name) {
        if (name.isEmpty()) {
            throw new TypeConversionException("expected a path, got ''");
        }
        return Path.of(name);
    }

    /**
     * The exit code of a process whose command returned {@code code}: another, after a line that says why, if a success could
     * not be written. Java's standard output swallows failures, such as those of a full disk, and only remembers that there
     * was one.
     */
    public static int written(int code) {
        if (code == USAGE || !System.out.checkError()) {
            return code;
        }
        System.err.println("coda: standard output: not all of it could be written; is the disk full?");
        return code == 0 ? USAGE : code;
    }

    private static int explain(OutOfMemoryError e) {
        System.err.println("coda: not enough memory: " + oneLine(e.getMessage())
                + "; choose a smaller model or batch, or raise Java's limit with CODA_JAVA_OPTS=-Xmx8g");
        return USAGE;
    }

    private static int explain(ParameterException e) {
        var line = e.getCommandLine();
        line.getErr().println("coda: " + oneLine(e.getMessage()));
        UnmatchedArgumentException.printSuggestions(e, line.getErr());
        line.getErr().println("Try: " + line.getCommandSpec().qualifiedName() + " --help");
        return USAGE;
    }

    private static int explain(Exception e) {
        // That of a device is not the Java heap's.
        if (e.getCause() instanceof OutOfMemoryError cause && !(e instanceof DeviceException)) {
            return explain(cause);
        }
        boolean isExpected = isBadInput(e);
        System.err.println(
                "coda: " + (isExpected ? "" : "internal error: ") + oneLine(isExpected ? e.getMessage() : e));
        if (System.getenv(DEBUG) != null) {
            e.printStackTrace();
        } else if (!isExpected) {
            System.err.println("This is a defect of coda4j. Set " + DEBUG + "=1 to see where it happened.");
        }
        return isExpected ? USAGE : 1;
    }

    private static String oneLine(@Nullable Object message) {
        return String.valueOf(message).strip().replaceAll("\\s*\\R\\s*", " ");
    }

    private static boolean isBadInput(Exception e) {
        return e instanceof UsageException
                || e instanceof CorpusException
                || e instanceof FileException
                || e instanceof GenerationException
                || e instanceof MetricsException
                || e instanceof ModelException
                || e instanceof ParityException
                || e instanceof TokenizerException
                || e instanceof RecipeException
                || e instanceof SafetensorsException
                || e instanceof DeviceException;
    }
}
