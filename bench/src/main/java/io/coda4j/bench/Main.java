package io.coda4j.bench;

import io.coda4j.bench.decode.DecodeCommand;
import io.coda4j.bench.peers.PeersCommand;
import io.coda4j.coder.files.FileException;
import io.coda4j.tensor.DeviceException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line of the measurements, {@code ./coda bench}. */
@Command(
        name = "coda bench",
        mixinStandardHelpOptions = true,
        version = io.coda4j.coder.cli.Main.VERSION,
        description = "Measures this engine, and its peers on the same work.",
        subcommands = {
            ProfileCommand.class,
            ScalingCommand.class,
            PeersCommand.class,
            DecodeCommand.class,
            JmhCommand.class
        })
public final class Main {
    private Main() {}

    /** Runs the command in {@code args} and exits with its code. */
    public static void main(String[] args) {
        System.exit(run(args));
    }

    /** Runs the command in {@code args}; its exit code, which is 2 after one line about bad input. */
    static int run(String... args) {
        return io.coda4j.coder.cli.Main.written(commandLine().execute(args));
    }

    /** The command line with its messages for bad input. */
    static CommandLine commandLine() {
        return io.coda4j.coder.cli.Main.reading(new CommandLine(new Main()))
                .setParameterExceptionHandler((e, _) -> refuse(e))
                .setExecutionExceptionHandler((e, line, _) -> explain(e, line));
    }

    private static int refuse(CommandLine.ParameterException e) {
        e.getCommandLine().getErr().println("coda: " + e.getMessage());
        return 2;
    }

    private static int explain(Exception e, CommandLine line) throws Exception {
        if (e instanceof MeasurementException || e instanceof DeviceException || e instanceof FileException) {
            line.getErr().println("coda: " + e.getMessage());
            return 2;
        }
        throw e;
    }
}
