package io.coda4j.bench;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

/** {@code coda bench jmh}: the benchmarks of single kernels, by JMH with its own command line. */
@Command(
        name = "jmh",
        description = {
            "Measures single kernels with JMH, at the sizes of CoDA 1.7B and of the demo,",
            "each in JVMs of its own. A result is compared with the scalar reference, or",
            "with a plain sum, before it is timed. All options are JMH's."
        },
        footer = {
            "",
            "Examples:",
            "  coda bench jmh -h                  JMH's options",
            "  coda bench jmh -lp                 the kernels that -p work=... knows",
            "  coda bench jmh -p work='swiglu 256 x 6144' -p threads=1",
            "  coda bench jmh -p work='training step demo' -p threads=2 -prof gc"
        })
final class JmhCommand implements Callable<Integer> {
    // The short forms are JMH's.
    @Option(names = "--help", usageHelp = true, description = "Show this help message and exit.")
    private boolean isHelpAsked;

    @Option(names = "--version", versionHelp = true, description = "Print version information and exit.")
    private boolean isVersionAsked;

    @Unmatched
    private final List<String> arguments = new ArrayList<>();

    @Override
    public Integer call() throws IOException {
        org.openjdk.jmh.Main.main(arguments.toArray(String[]::new));
        return 0;
    }
}
