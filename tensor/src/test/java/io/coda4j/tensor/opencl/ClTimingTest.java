package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.opencl.ClHandles.Kind;
import io.coda4j.tensor.spi.KernelClock;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ClTimingTest {
    private static ClDevice device;

    @BeforeAll
    static void open() {
        device = ClTestDevice.open();
    }

    @AfterAll
    static void close() {
        if (device != null) {
            device.close();
        }
    }

    /** Not the buffers, of which a pool keeps as many as were in use at once. */
    private static long queuesAndEvents() {
        return device.handles().live(Kind.QUEUE) + device.handles().live(Kind.EVENT);
    }

    private static void exponentials(int count) {
        try (var _ = Scope.open()) {
            var x = Array.of(Shape.of(1000), new float[1000]).to(device);
            for (int i = 0; i < count; i++) {
                var y = new Eager(device).apply(new Primitive.Unary(Primitive.UnaryOp.EXP), List.of(x));
                assertEquals(1, ((Array) y.getFirst()).toFloats()[999]);
            }
        }
    }

    /** More than are kept in flight, so that some are settled on the way. */
    @Test
    void everyCommandIsCountedAndTimed() {
        exponentials(1);
        long before = queuesAndEvents();
        int count = 300;
        var lines = device.measure(() -> exponentials(count)).stream()
                .collect(Collectors.toMap(KernelClock.Line::kernel, line -> line));
        assertEquals(
                List.of("exp f32", "read", "write"),
                lines.keySet().stream().sorted().toList());
        assertEquals(count, lines.get("exp f32").calls());
        assertEquals(count, lines.get("read").calls());
        assertEquals(1, lines.get("write").calls());
        assertTrue(lines.values().stream().allMatch(line -> line.nanos() > 0), lines::toString);
        exponentials(1);
        assertEquals(before, queuesAndEvents());
    }

    @Test
    void workThatFailsLeavesTheDeviceAsItWas() {
        exponentials(1);
        long before = queuesAndEvents();
        assertThrows(
                IllegalStateException.class,
                () -> device.measure(() -> {
                    exponentials(3);
                    throw new IllegalStateException("on purpose");
                }));
        exponentials(1);
        assertEquals(before, queuesAndEvents());
    }
}
