package io.coda4j.coder.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** What a {@code config.json} says; what it may not say is in the tests of bad input. */
class ConfigJsonTest {
    private static final String CODA = ModelPreset.tiny(300, 299, 298, 297).toJson("float32");

    private static double ropeTheta(String theta, String scaling) {
        var json = CODA.replaceFirst("\"rope_theta\"[^,]*,", theta).replaceFirst("\"rope_scaling\"[^,]*,", scaling);
        return ConfigJson.parse(json, Path.of("config.json")).transformer().ropeTheta();
    }

    @Test
    void theRotaryBaseIsFoundWhereEitherVersionOfTheLibraryPutsIt() {
        var inside = "\"rope_parameters\": {\"rope_theta\": 500000, \"rope_type\": \"default\"},";
        assertEquals(250_000, ropeTheta("\"rope_theta\": 250000,", "\"rope_scaling\": null,"));
        assertEquals(500_000, ropeTheta("", inside));
        assertEquals(500_000, ropeTheta("\"rope_theta\": 250000,", inside));
        assertEquals(250_000, ropeTheta("\"rope_theta\": 250000,", "\"rope_parameters\": {},"));
        assertEquals(10_000, ropeTheta("", "\"rope_parameters\": null,"));
    }
}
