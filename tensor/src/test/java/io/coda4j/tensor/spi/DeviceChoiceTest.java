package io.coda4j.tensor.spi;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.cpu.CpuDeviceProvider;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class DeviceChoiceTest {
    private static final String CPUS_LINE = "(%s), the first that works of ";

    /** A kind of device that opens what a test wants. */
    private record Kind(
            String kind, Optional<String> unusableBecause, Optional<String> passedOverBecause, Supplier<Device> device)
            implements DeviceProvider {
        @Override
        public Device open(String selector) {
            assertEquals("", selector);
            return device.get();
        }
    }

    private static Kind working(String kind) {
        return new Kind(kind, Optional.empty(), Optional.empty(), () -> new Named(kind, false));
    }

    private static Kind unusable(String kind, String reason) {
        return new Kind(kind, Optional.of(reason), Optional.empty(), () -> {
            throw new AssertionError("an unusable device was opened");
        });
    }

    private static Kind failing(String kind, String reason) {
        return new Kind(kind, Optional.empty(), Optional.empty(), () -> {
            throw new DeviceException(reason);
        });
    }

    /** The CPU device under another name, or one that computes something else than it was asked for. */
    private static final class Named implements Device {
        private static final List<Named> CLOSED = new ArrayList<>();

        private final Device cpu = Devices.open("cpu:1");
        private final String name;
        private final boolean isBroken;

        Named(String name, boolean isBroken) {
            this.name = name;
            this.isBroken = isBroken;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public String description() {
            return "made for this test";
        }

        @Override
        public Executable compile(Program program, Layout layout) {
            var other = new Program(
                    program.name(),
                    program.params(),
                    List.of(),
                    List.of(program.params().getFirst()),
                    program.donated());
            return cpu.compile(isBroken ? other : program, layout);
        }

        @Override
        public Buffer upload(TensorType type, MemorySegment host) {
            return cpu.upload(type, host);
        }

        @Override
        public void close() {
            CLOSED.add(this);
            cpu.close();
        }
    }

    private static String cpus() {
        return CPUS_LINE.formatted(Devices.defaultDevice().description());
    }

    @Test
    void pjrtComesBeforeOpenClAndBothBeforeTheCpu() {
        var choice = new DeviceChoice(List.of(new CpuDeviceProvider(), working("opencl"), working("pjrt")));
        assertEquals("pjrt", choice.next().name());
        choice.passOver("pjrt", "too small\nand more");
        var second = choice.next();
        assertEquals(
                "device auto: opencl (made for this test), the first that works of pjrt, opencl, cpu; not pjrt: too small",
                choice.line(second));
        choice.passOver("opencl", "too slow");
        assertSame(Devices.defaultDevice(), choice.next());
        assertThrows(DeviceException.class, choice::next);
    }

    @Test
    void aKindThatNobodyHasHeardOfComesBeforeTheCpu() {
        assertEquals(
                "npu",
                new DeviceChoice(List.of(new CpuDeviceProvider(), working("npu")))
                        .next()
                        .name());
    }

    @Test
    void everyDeviceThatIsNotChosenIsToldWithItsReason() {
        var slow = new Kind("opencl", Optional.empty(), Optional.of("it has no GPU"), () -> {
            throw new AssertionError("opened");
        });
        var choice = new DeviceChoice(List.of(
                new CpuDeviceProvider(), slow, failing("npu", "it fell asleep"), unusable("pjrt", "no plugin")));
        var cpu = choice.next();
        assertEquals(
                "device auto: cpu " + cpus() + "pjrt, opencl, npu, cpu; not pjrt: no plugin; not opencl: it has no GPU;"
                        + " not npu: it fell asleep",
                choice.line(cpu));
    }

    @Test
    void aDeviceThatComputesSomethingElseIsClosedAndNotChosen() {
        var wrong = new Kind("pjrt", Optional.empty(), Optional.empty(), () -> new Named("pjrt", true));
        var choice = new DeviceChoice(List.of(new CpuDeviceProvider(), wrong));
        int closed = Named.CLOSED.size();
        var cpu = choice.next();
        assertSame(Devices.defaultDevice(), cpu);
        assertEquals(closed + 1, Named.CLOSED.size());
        assertTrue(choice.line(cpu).contains("not pjrt: "), () -> choice.line(cpu));
    }

    @Test
    void nothingLeftIsAnErrorWithAllReasons() {
        var error = assertThrows(
                DeviceException.class,
                new DeviceChoice(List.of(unusable("pjrt", "no plugin"), failing("opencl", "no driver")))::next);
        assertEquals(
                "device auto: no device works here; not pjrt: no plugin; not opencl: no driver", error.getMessage());
    }
}
