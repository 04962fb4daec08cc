package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class VersionTest {
    static Stream<String> commands() {
        return Main.commandLine().getSubcommands().keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("commands")
    void eachCommandTellsTheVersionOfAll(String command) {
        for (var option : new String[] {"--version", "-V"}) {
            assertEquals(new Invocation(0, Main.VERSION + System.lineSeparator(), ""), Invocation.of(command, option));
        }
    }
}
