package io.coda4j.bench;

import io.coda4j.bench.peers.PeersCommand;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The command line of the measurements, {@code ./coda bench}. */
@Command(
        name = "coda bench",
        mixinStandardHelpOptions = true,
        description = "Measures this engine, and its peers on the same work.",
        subcommands = {ProfileCommand.class, PeersCommand.class})
public final class Main {
    private Main() {}

    /** Runs the command in {@code args} and exits with its code. */
    public static void main(String[] args) {
        System.exit(new CommandLine(new Main()).execute(args));
    }
}
