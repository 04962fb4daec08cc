package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.testing.DeviceContract;
import io.coda4j.tensor.testing.OpTable;
import io.coda4j.tensor.testing.RandomProgram;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class CpuDeviceTest {
    private static final CpuDevice ONE = CpuDevice.withThreads(1);
    private static final CpuDevice THREE = CpuDevice.withThreads(3);

    @Nested
    class WithFastKernels implements DeviceContract {
        @Override
        public Device subject() {
            return ONE;
        }

        @Override
        public List<DType> floats() {
            return List.of(DType.F32, DType.BF16, DType.F64);
        }
    }

    /** The cases of the table would compare the reference kernels with themselves; the rest of the contract does not. */
    @Nested
    class WithReferenceKernels implements DeviceContract {
        @Override
        public Device subject() {
            return OpTable.reference();
        }

        @Override
        public List<DType> floats() {
            return List.of();
        }
    }

    @Test
    void resultsDoNotDependOnTheNumberOfThreads() {
        var one = new Eager(ONE);
        var three = new Eager(THREE);
        for (var real : List.of(DType.F32, DType.BF16)) {
            for (var c : OpTable.cases(real)) {
                try (var _ = Scope.open()) {
                    List<Tensor> inputs = List.copyOf(c.inputs(5));
                    checkEqual(c.name(), one.apply(c.prim(), inputs), three.apply(c.prim(), inputs));
                }
            }
        }
    }

    @Test
    void programsDoNotDependOnTheNumberOfThreads() {
        for (int seed = 0; seed < 40; seed++) {
            var program = RandomProgram.of(seed).donating(Set.of());
            var arguments = RandomProgram.arguments(seed);
            checkEqual(program.toString(), run(ONE, program, arguments), run(THREE, program, arguments));
        }
    }

    private static List<Array> run(Device device, Program program, List<Array> arguments) {
        try (var executable = device.compile(program, Layout.DENSE)) {
            return executable.run(
                    arguments.stream().map(array -> array.to(device)).toList());
        }
    }

    private static void checkEqual(String what, List<? extends Tensor> expected, List<? extends Tensor> got) {
        for (int k = 0; k < got.size(); k++) {
            assertArrayEquals(((Array) expected.get(k)).toDoubles(), ((Array) got.get(k)).toDoubles(), what);
        }
    }

    @Test
    void closedDeviceRefusesWhatNeedsItsMemory() {
        var device = CpuDevice.withThreads(2);
        var eager = new Eager(device);
        var type = TensorType.f32(1 << 20);
        var x = (Array) eager.run(() -> Tensor.full(type, 3));
        eager.run(() -> x.add(1));
        var next = Trace.of("next", in -> List.of(in.getFirst().add(1)), List.of(type));
        var consuming = device.compile(next.donating(Set.of(0)), Layout.DENSE);
        device.close();
        device.close();
        for (var use : List.<Executable>of(
                x::toFloats, () -> x.to(ONE), () -> eager.run(() -> x.add(1)), () -> consuming.run(List.of(x)))) {
            var error = assertThrows(IllegalStateException.class, use);
            assertTrue(error.getMessage().startsWith("cpu was closed"), error::getMessage);
        }
        x.close();
        consuming.close();
    }

    /** Its memory goes when the run is over, and not under the hands of the kernels. */
    @Test
    void closingWaitsForARunOfAnotherThread() throws InterruptedException {
        var device = CpuDevice.withThreads(2);
        var x = Array.of(TensorType.f32(1 << 20), new double[1 << 20]).to(device);
        var cosines = Trace.of(
                "cosines",
                in -> {
                    var y = in.getFirst();
                    for (int i = 0; i < 40; i++) {
                        y = y.cos().slice(0, 1, 1 << 20).pad(0, 1, 0);
                    }
                    return List.of(y);
                },
                List.of(x.type()));
        var executable = device.compile(cosines, Layout.DENSE);
        var refused = new AtomicReference<Throwable>();
        var runs = new AtomicInteger();
        var running = Thread.ofPlatform().unstarted(() -> {
            while (true) {
                executable.run(List.of(x)).getFirst().close();
                runs.incrementAndGet();
            }
        });
        running.setUncaughtExceptionHandler((_, failure) -> refused.set(failure));
        running.start();
        while (runs.get() < 3) {
            Thread.onSpinWait();
        }
        device.close();
        running.join();
        var error = assertInstanceOf(IllegalStateException.class, refused.get());
        assertTrue(error.getMessage().startsWith("cpu was closed"), error::getMessage);
    }

    /** Whether or not there is memory for it. */
    @Test
    void moreWorkThanAKernelCountsIsNamed() {
        var type = TensorType.f32(1 << 30, 1 << 30, 2);
        var program = Trace.of(
                "large", in -> List.of(in.getFirst().broadcast(type.shape(), List.of())), List.of(TensorType.f32()));
        var error = assertThrows(DeviceException.class, () -> ONE.compile(program, Layout.DENSE));
        assertEquals(
                "cpu cannot compute broadcast to [f32[1073741824,1073741824,2]]: its kernel would have more than 2^31"
                        + " pieces of work; compute it in parts",
                error.getMessage());
    }

    @Test
    void refusesFewerThreadsThanOne() {
        var error = assertThrows(IllegalArgumentException.class, () -> CpuDevice.withThreads(0));
        assertTrue(error.getMessage().contains("at least 1, got 0"), error::getMessage);
    }
}
