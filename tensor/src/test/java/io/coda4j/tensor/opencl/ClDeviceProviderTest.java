package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.Requirement;
import java.util.List;
import org.junit.jupiter.api.Test;

class ClDeviceProviderTest {
    private static ClDeviceProvider provider() {
        return Devices.providers().stream()
                .filter(ClDeviceProvider.class::isInstance)
                .map(ClDeviceProvider.class::cast)
                .findFirst()
                .orElseThrow();
    }

    private static ClDeviceProvider usable() {
        var provider = provider();
        Requirement.require("opencl", provider.unusableBecause());
        return provider;
    }

    @Test
    void isInstalledAndSaysWhyItCannotBeUsed() {
        var provider = provider();
        assertEquals("opencl", provider.kind());
        provider.unusableBecause().ifPresent(reason -> {
            assertTrue(reason.contains("apt install pocl-opencl-icd"), reason);
            assertEquals(1, reason.lines().count());
            var error = assertThrows(DeviceException.class, () -> Devices.open("opencl"));
            assertTrue(error.getMessage().contains(reason), error::getMessage);
        });
    }

    @Test
    void opensTheDeviceOfANumber() {
        usable();
        try (var device = Devices.open("opencl:0")) {
            assertEquals("opencl:0", device.name());
            assertFalse(device.description().isBlank());
        }
    }

    @Test
    void badSelectorListsTheDevices() {
        usable();
        for (var selector : new String[] {"99", "-1", "gpu"}) {
            var error = assertThrows(DeviceException.class, () -> Devices.open("opencl:" + selector));
            assertTrue(
                    error.getMessage()
                            .startsWith("device opencl:" + selector + ": expected the number of a device: 0 ("),
                    error::getMessage);
        }
    }

    @Test
    void memoryThatIsNotThereIsReportedWithThePeakOfTheProgram() {
        usable();
        try (var device = Devices.open("opencl:0")) {
            int rows = 1 << 22;
            // The values between the equations need 64 TiB each.
            var program = Trace.of(
                    "outer",
                    in -> {
                        var x = in.getFirst().broadcast(Shape.of(rows, rows), List.of(0));
                        return List.of(x.exp().sum(0));
                    },
                    List.of(TensorType.f32(rows)));
            var error = assertThrows(DeviceException.class, () -> device.compile(program, Layout.DENSE));
            assertTrue(error.getMessage().startsWith("program outer needs "), error::getMessage);
            assertTrue(error.getMessage().contains("opencl:0 cannot allocate"), error::getMessage);
            assertTrue(error.getMessage().contains("CL_"), error::getMessage);
            // The device still works.
            assertEquals(3, Array.scalar(3f).to(device).item());
        }
    }
}
