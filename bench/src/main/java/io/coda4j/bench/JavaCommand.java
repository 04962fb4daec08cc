package io.coda4j.bench;

import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** How another JVM is started that compiles as this one does. */
public final class JavaCommand {
    private JavaCommand() {}

    /** The program and the flags of this JVM, to which class path, main class and arguments can be added. */
    public static List<String> withFlags() {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        return command;
    }
}
