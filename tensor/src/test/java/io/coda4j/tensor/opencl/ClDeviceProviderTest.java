package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.DeviceMemoryException;
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
    void isPassedOverWhereItHasOnlyProcessors() {
        var provider = usable();
        boolean hasGpu = ClPlatforms.probed().devices().stream()
                .anyMatch(found -> !found.info().isCpu());
        assertEquals(hasGpu, provider.passedOverBecause().isEmpty());
        provider.passedOverBecause().ifPresent(reason -> assertTrue(reason.startsWith("it has no GPU, only "), reason));
    }

    @Test
    void aLibraryThatIsNotThereIsNamed() {
        assertEquals(
                "the OpenCL library cannot be loaded (libNone.so.1 or libNone.so)",
                ClLibrary.missing(List.of("libNone.so.1", "libNone.so")).orElseThrow());
    }

    @Test
    void aMemoryLimitIsANumberOfBytes() {
        assertEquals(Long.MAX_VALUE, ClDeviceProvider.memoryLimit(null));
        assertEquals(12_000, ClDeviceProvider.memoryLimit("12000"));
        for (var text : new String[] {"0", "-1", "4G"}) {
            var error = assertThrows(DeviceException.class, () -> ClDeviceProvider.memoryLimit(text));
            assertEquals(
                    "CODA_OPENCL_MEMORY=" + text + ": expected a number of bytes, such as 4000000000",
                    error.getMessage());
        }
    }

    @Test
    void aProgramThatNeedsMoreThanTheLimitIsRefusedWithAllItNeeds() {
        usable();
        var options = ClDevice.Options.in(ClTestDevice.BINARIES).limitedTo(1 << 20);
        try (var device = ClTestDevice.open(options)) {
            int n = 100_000;
            var program = Trace.of(
                    "wide",
                    in -> List.of(in.getFirst()
                            .exp()
                            .reshape(n, 1)
                            .matmul(in.getFirst().reshape(1, n).slice(1, 0, 8))),
                    List.of(TensorType.f32(n)));
            long before = device.handles().live();
            var error = assertThrows(DeviceMemoryException.class, () -> {
                try (var executable = device.compile(program, Layout.DENSE)) {
                    executable.run(List.of(Array.of(Shape.of(n), new float[n]).to(device)));
                }
            });
            // 400,000 bytes of argument, as many for the exponentials, and a result of 3,200,000.
            var message = error.getMessage();
            assertTrue(message.startsWith("program wide needs 4,000,"), message);
            assertTrue(message.contains("400,000 for arguments and 3,200,000 for results beside them"), message);
            assertTrue(message.contains("it has 1,048,576 bytes of memory"), message);
            assertEquals(1, message.lines().count());
            assertEquals(3, Array.scalar(3f).to(device).item());
            assertTrue(device.memory().heldBytes() <= 1 << 20);
            assertTrue(device.handles().live() >= before);
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
            assertTrue(error instanceof DeviceMemoryException);
            assertTrue(error.getMessage().startsWith("program outer needs "), error::getMessage);
            assertTrue(error.getMessage().contains("opencl:0 cannot allocate"), error::getMessage);
            assertTrue(error.getMessage().contains("more than is left"), error::getMessage);
            // The device still works.
            assertEquals(3, Array.scalar(3f).to(device).item());
        }
    }
}
