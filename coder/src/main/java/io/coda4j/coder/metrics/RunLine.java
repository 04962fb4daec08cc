package io.coda4j.coder.metrics;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/**
 * The header of a run. A run that was resumed has one header per start.
 *
 * @param step the step the run started from: 0, or the step of the checkpoint it resumed
 * @param seed the seed of every random draw
 * @param settings the settings after defaults were filled in, in display order
 * @param command the command line that starts the run from its beginning
 * @param environment machine, Java and device, see {@link RunEnvironment}
 */
public record RunLine(
        long step,
        long seed,
        SequencedMap<String, String> settings,
        String command,
        SequencedMap<String, String> environment)
        implements MetricsLine {

    public RunLine {
        settings = ordered(settings);
        environment = ordered(environment);
    }

    private static SequencedMap<String, String> ordered(Map<String, String> map) {
        return Collections.unmodifiableSequencedMap(new LinkedHashMap<>(map));
    }
}
