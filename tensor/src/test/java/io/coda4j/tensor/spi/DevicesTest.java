package io.coda4j.tensor.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Shape;
import org.junit.jupiter.api.Test;

class DevicesTest {
    @Test
    void cpuIsInstalledAndUsable() {
        var cpu = Devices.providers().stream()
                .filter(provider -> provider.kind().equals("cpu"))
                .findFirst()
                .orElseThrow();
        assertTrue(cpu.unusableBecause().isEmpty());
    }

    @Test
    void selectorChoosesThreadsOrTheReference() {
        try (var two = Devices.open("cpu:2");
                var reference = Devices.open("cpu:reference")) {
            assertTrue(two.description().startsWith("2 threads"), two::description);
            assertEquals("cpu:reference", reference.name());
        }
    }

    @Test
    void unknownKindListsTheInstalledOnes() {
        var mesh = assertThrows(DeviceException.class, () -> Devices.open("cpu:2", Mesh.of("fsdp", 2)));
        assertTrue(mesh.getMessage().startsWith("device cpu:2 cannot be spread over a mesh fsdp=2;"), mesh::getMessage);
        assertThrows(DeviceException.class, () -> Devices.open("auto", Mesh.of("fsdp", 2)));
        var error = assertThrows(DeviceException.class, () -> Devices.open("gpu:0"));
        assertTrue(error.getMessage().startsWith("no device is called 'gpu:0'; installed kinds: "), error::getMessage);
        assertTrue(error.getMessage().contains("cpu"), error::getMessage);
    }

    @Test
    void badSelectorSaysWhatIsExpected() {
        for (var selector : new String[] {"0", "-1", "many", "2.5", "4097", "99999999999"}) {
            var error = assertThrows(DeviceException.class, () -> Devices.open("cpu:" + selector));
            assertEquals(
                    "device cpu:" + selector
                            + ": expected a number of threads from 1 to 4096 such as cpu:2, or cpu:reference",
                    error.getMessage());
        }
    }

    @Test
    void codeWithoutAnInterpreterRunsOnTheDefaultDevice() {
        assertSame(Eager.onDefaultDevice(), Interpreter.current());
        var x = Array.scalar(3f);
        assertSame(Devices.defaultDevice(), x.device());
        assertEquals(9, ((Array) x.mul(x)).item());
    }

    @Test
    void eagerCodeOnAnotherDeviceFetchesItsOperands() {
        try (var other = Devices.open("cpu:1")) {
            var x = Array.of(Shape.of(2), 1, 2f);
            var y = (Array) new Eager(other).run(() -> x.add(x));
            assertSame(other, y.device());
            assertEquals(4, y.toFloats()[1]);
            assertSame(Devices.defaultDevice(), x.device());
            assertEquals(8, ((Array) y.add(y)).toFloats()[1], "back on the default device");
        }
    }
}
