package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.opencl.ClHandles.Kind;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.RandomProgram;
import io.coda4j.tensor.testing.Requirement;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class ClHandlesTest {
    /** Arguments of a step. */
    public record Step(Tensor state, Tensor change) {}

    private static Tensor next(Step step) {
        var sum = step.state.mul(0.5).add(step.change.matmul(step.change));
        return sum.sub(sum.sum(0).broadcast(sum.shape(), List.of(1)).mul(0.01));
    }

    @Test
    void noneSurvivesTheDevice() {
        var device = ClTestDevice.open();
        assertTrue(device.handles().live() > 0);
        try (var _ = Scope.open();
                var executable = device.compile(RandomProgram.of(7).donating(Set.of()), Layout.DENSE)) {
            executable.run(RandomProgram.arguments(1).stream()
                    .map(array -> array.to(device))
                    .toList());
        }
        device.close();
        for (var kind : Kind.values()) {
            assertEquals(0, device.handles().live(kind), kind::toString);
        }
        device.close();
    }

    /** Drivers end the process where they are given what was released. */
    @Test
    void nothingIsUsedAfterTheDevice() {
        var device = ClTestDevice.open();
        var x = Array.of(Shape.of(3), 1f, 2f, 3f);
        var there = x.to(device);
        var program = Trace.of("sum", in -> List.of(in.getFirst().add(in.getFirst())), List.of(TensorType.f32(3)));
        var executable = device.compile(program, Layout.DENSE);
        executable.run(List.of(there));
        device.close();
        refuses(there::toFloats);
        refuses(() -> executable.run(List.of(there)));
        refuses(() -> x.to(device));
        refuses(() -> device.compile(program, Layout.DENSE).run(List.of(there)));
        refuses(() -> device.programs().function("", "", "none"));
        executable.close();
        there.close();
        assertEquals(0, device.handles().live());
    }

    /** Whoever waits for the queue has it to himself: the driver must not be asked about one that is being released. */
    @Test
    void nobodyWaitsForAQueueThatIsBeingClosed() throws InterruptedException {
        var device = ClTestDevice.open();
        var queue = device.queue();
        var refused = new AtomicReference<Throwable>();
        var waiting = Thread.ofPlatform().unstarted(queue::finish);
        waiting.setUncaughtExceptionHandler((_, failure) -> refused.set(failure));
        synchronized (queue) {
            waiting.start();
            while (waiting.getState() == Thread.State.NEW || waiting.getState() == Thread.State.RUNNABLE) {
                Thread.onSpinWait();
            }
            device.close();
        }
        waiting.join();
        var error = assertInstanceOf(IllegalStateException.class, refused.get());
        assertTrue(error.getMessage().contains("opencl:0 was closed"), error::getMessage);
    }

    private static void refuses(Executable use) {
        var error = assertThrows(IllegalStateException.class, use);
        assertTrue(error.getMessage().contains("opencl:0 was closed"), error::getMessage);
    }

    /** The queue is refused when the context is there already. */
    @Test
    void noneSurvivesADeviceThatFailsToOpen() {
        var platforms = ClPlatforms.probed();
        Requirement.require("opencl", platforms.reason());
        var handles = new ClHandles();
        var options = ClDevice.Options.in(ClTestDevice.BINARIES).queuedWith(1L << 40);
        var error = assertThrows(
                DeviceException.class,
                () -> ClDevice.open("opencl:0", platforms.devices().getFirst(), options, handles));
        assertTrue(error.getMessage().startsWith("opencl:0: opening failed with CL_INVALID_"), error::getMessage);
        assertEquals(0, handles.live());
        assertEquals(1, handles.ever(Kind.CONTEXT), "the context was made");
    }

    /** As after a kernel that failed: the first failure is reported, and the others with it. */
    @Test
    void noneSurvivesADeviceThatFailsToClose() {
        var platforms = ClPlatforms.probed();
        Requirement.require("opencl", platforms.reason());
        var handles = new ClHandles() {
            @Override
            void released(Kind kind) {
                super.released(kind);
                if (kind == Kind.EVENT || kind == Kind.QUEUE || kind == Kind.CONTEXT) {
                    throw new DeviceException("no release of " + kind);
                }
            }
        };
        var options = ClDevice.Options.in(ClTestDevice.BINARIES);
        var device = ClDevice.open("opencl:0", platforms.devices().getFirst(), options, handles);
        var there = Array.of(Shape.of(3), 1f, 2f, 3f).to(device);
        var error = assertThrows(DeviceException.class, device::close);
        there.close();
        assertEquals("no release of EVENT", error.getMessage());
        assertEquals(
                List.of("no release of QUEUE", "no release of CONTEXT"),
                List.of(error.getSuppressed()).stream()
                        .map(Throwable::getMessage)
                        .toList());
        assertEquals(0, handles.live());
    }

    /** Before the device is out of memory. */
    @Test
    void buffersThatNobodyClosesAreFound() {
        int bytes = 8 << 20;
        try (var device =
                ClTestDevice.open(ClDevice.Options.in(ClTestDevice.BINARIES).limitedTo(8L * bytes))) {
            for (int i = 0; i < 100; i++) {
                assertEquals(bytes, device.memory().allocate(bytes).byteSize());
            }
        }
    }

    @Test
    void theirNumberAndTheMemoryAreFlatOverManySteps() {
        try (var device = ClTestDevice.open();
                var step = Compiled.of("step", ClHandlesTest::next, device).donating("state")) {
            Tensor state = Array.of(Shape.of(8, 8), new float[64]).to(device);
            long handles = 0;
            long bytes = 0;
            for (int i = 1; i <= 4_000; i++) {
                var change = Array.of(Shape.of(8, 8), new float[64]);
                state = step.apply(new Step(state, change));
                change.close();
                if (i % 500 == 0) {
                    ((Array) state).toFloats();
                }
                if (i == 1000) {
                    handles = device.handles().live();
                    bytes = device.memory().heldBytes();
                }
            }
            assertEquals(handles, device.handles().live());
            assertEquals(bytes, device.memory().heldBytes());
        }
    }
}
