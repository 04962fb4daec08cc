package io.coda4j.coder.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

/** A command line for people to type, made of the options that this process was given. */
final class TypedCommand {
    /** What says how a run goes on and what is printed, but not what the run is. */
    private static final Set<String> NOT_OF_THE_RUN = Set.of("--out", "--resume", "--json");

    private static final Pattern PLAIN = Pattern.compile("[A-Za-z0-9_./:=,@%+-]+");

    private TypedCommand() {}

    /** What starts the run of {@code command}, whose results go to {@code folder}, from its beginning. */
    static String of(CommandSpec command, Path folder) {
        var words = new ArrayList<String>(List.of("coda", command.name()));
        for (OptionSpec option : command.commandLine().getParseResult().matchedOptions()) {
            if (!NOT_OF_THE_RUN.contains(option.longestName())) {
                words.add(option.longestName());
                words.addAll(option.originalStringValues());
            }
        }
        words.addAll(List.of("--out", folder.toString()));
        return words.stream().map(TypedCommand::quoted).collect(Collectors.joining(" "));
    }

    /** As a shell reads it: between apostrophes all stands for itself but the apostrophe. */
    private static String quoted(String word) {
        return PLAIN.matcher(word).matches() ? word : "'" + word.replace("'", "'\\''") + "'";
    }
}
