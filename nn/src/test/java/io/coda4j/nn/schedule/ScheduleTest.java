package io.coda4j.nn.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.nn.json.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ScheduleTest {
    private static final Path RECORDED = Path.of("src/test/resources/fixtures/optim/lr_schedules.json");

    @ParameterizedTest
    @ValueSource(strings = {"linear", "cosine", "constant_with_warmup"})
    void equalsTheRecordedValues(String kind) throws IOException {
        var recorded = Json.parse(Files.readString(RECORDED)).asObject();
        double peak = recorded.member("peak").asDouble();
        long warmup = recorded.member("warmup").asLong();
        long total = recorded.member("total").asLong();
        Schedule schedule = switch (kind) {
            case "linear" -> new Schedule.Linear(peak, warmup, total);
            case "cosine" -> new Schedule.Cosine(peak, warmup, total);
            case "constant_with_warmup" -> new Schedule.ConstantWithWarmup(peak, warmup);
            default -> throw new AssertionError(kind);
        };
        var values = recorded.member("values").asObject().member(kind).asList();
        assertEquals(201, values.size());
        for (int i = 0; i < values.size(); i++) {
            double expected = values.get(i).asDouble();
            assertEquals(expected, schedule.at(i), 1e-9 * expected, "step " + i);
        }
    }

    @Test
    void cosineEndsAtItsFloorAndStaysThere() {
        var schedule = new Schedule.Cosine(2.0, 10, 110, 0.1);
        assertEquals(2.0, schedule.at(10));
        assertEquals(2.0 * (0.1 + 0.9 * 0.5), schedule.at(60), 1e-15);
        assertEquals(0.2, schedule.at(110), 1e-15);
        assertEquals(0.2, schedule.at(1_000_000), 1e-15);
    }

    @Test
    void aLineEndsAtItsFloorAndStaysThere() {
        var schedule = new Schedule.Linear(2.0, 10, 110, 0.1);
        assertEquals(2.0, schedule.at(10));
        assertEquals(2.0 * (0.1 + 0.9 * 0.5), schedule.at(60), 1e-15);
        assertEquals(0.2, schedule.at(110), 1e-15);
        assertEquals(0.2, schedule.at(1_000_000), 1e-15);
    }

    @Test
    void warmupStableDecayHasThreePhases() {
        var schedule = new Schedule.WarmupStableDecay(1.0, 4, 10, 100, 0.2);
        assertEquals(0.5, schedule.at(2));
        assertEquals(1.0, schedule.at(4));
        assertEquals(1.0, schedule.at(89));
        assertEquals(0.6, schedule.at(95), 1e-15);
        assertEquals(0.2, schedule.at(100), 1e-15);
        assertEquals(0.2, schedule.at(101), 1e-15);
    }

    @Test
    void zeroWarmupStartsAtThePeak() {
        assertEquals(3.0, new Schedule.Linear(3.0, 0, 10).at(0));
        assertEquals(0.0, new Schedule.Linear(3.0, 0, 10).at(11));
    }

    @Test
    void badSettingsSayWhatIsWrong() {
        assertMessage("after its end", () -> new Schedule.Linear(1, 20, 10));
        assertMessage("peak", () -> new Schedule.Cosine(Double.NaN, 0, 10));
        assertMessage("floor", () -> new Schedule.Cosine(1, 0, 10, 1.5));
        assertMessage("floor", () -> new Schedule.Linear(1, 0, 10, -0.5));
        assertMessage("warmup", () -> new Schedule.ConstantWithWarmup(1, -1));
        assertMessage("step", () -> new Schedule.ConstantWithWarmup(1, 1).at(-1));
    }

    private static void assertMessage(String part, Runnable action) {
        var e = assertThrows(IllegalArgumentException.class, action::run);
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }
}
