package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Compiled;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.ShardingPlan;
import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.exec.CacheFolder;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A mesh of devices behind a plugin: what each of them is given, and what is left of it. */
class PjrtMeshTest {
    private static final int DEVICES = 4;
    private static final Mesh MESH = Mesh.parse("fsdp=2,tensor=2");
    private static final List<String> ROWS = List.of("fsdp", "");
    private static final List<String> BOTH = List.of("fsdp", "tensor");

    @TempDir
    private Path folder;

    private final FakePlugin fake = new FakePlugin(DEVICES, CApi.MINOR, 1120);

    /** Arguments of a step. */
    public record In(Tensor state, Tensor rows) {}

    /** Results of a step. */
    public record Out(Tensor state, Tensor loss) {}

    @AfterEach
    void nothingIsLeft() {
        assertEquals(List.of(), fake.violations());
        assertEquals(List.of(), fake.leaks());
        fake.close();
    }

    private PjrtDevice open(Mesh mesh) {
        var options = new PjrtDevice.Options(Map.of(), new CacheFolder(folder), fake::print);
        return PjrtDevice.open("pjrt:fake", PjrtPlugin.at("fake", fake.api()), mesh, options);
    }

    private PjrtDevice openOne() {
        var options = new PjrtDevice.Options(Map.of(), new CacheFolder(folder), fake::print);
        return PjrtDevice.open("pjrt:fake:2", PjrtPlugin.at("fake", fake.api()), 2, options);
    }

    private static Array counting(int... dims) {
        var type = TensorType.f32(dims);
        return Array.of(
                type, IntStream.range(0, (int) type.size()).asDoubleStream().toArray());
    }

    private static Out next(In in) {
        var change = in.rows.sumAll().broadcastTo(in.state.shape());
        return new Out(in.state.add(change), in.rows.sumAll());
    }

    private static Compiled<In, Out> step(PjrtDevice device) {
        var plan = new ShardingPlan(MESH, List.of(Rule.of("**.state", "fsdp", "tensor"), Rule.of("rows", "fsdp", "")));
        return Compiled.of("step", PjrtMeshTest::next, device).donating("state").placing(_ -> plan);
    }

    private List<FakePlugin.Value> values(int device) {
        return fake.live().stream()
                .filter(FakePlugin.Value.class::isInstance)
                .map(FakePlugin.Value.class::cast)
                .filter(value -> value.device == device)
                .toList();
    }

    @Test
    void aValueIsOneBufferOnEachDevice() {
        try (var device = open(MESH);
                var _ = Scope.open()) {
            assertEquals(Optional.of(MESH), device.mesh());
            assertEquals(
                    "Fake v1, 4 of 4 devices as mesh fsdp=2,tensor=2, platform fake, PJRT C API 0.104",
                    device.description());
            var x = counting(4, 6).to(device, BOTH);
            assertEquals(DEVICES, fake.calls("Client_BufferFromHostBuffer"));
            for (int number = 0; number < DEVICES; number++) {
                assertEquals(TensorType.f32(2, 3), values(number).getFirst().type, "device " + number);
            }
            assertArrayEquals(counting(4, 6).toFloats(), x.toFloats());
            assertEquals(DEVICES, fake.calls("Buffer_ToHostBuffer"));
            counting(4, 6).to(device, ROWS).toFloats();
            assertEquals(DEVICES + 2, fake.calls("Buffer_ToHostBuffer"), "each part once");
            counting(4, 6).to(device).toFloats();
            assertEquals(DEVICES + 3, fake.calls("Buffer_ToHostBuffer"), "whole values from one device");
            assertEquals(3 * DEVICES, fake.live(FakePlugin.Value.class));
        }
    }

    @Test
    void aSingleDeviceSaysHowManyThereAre() {
        try (var device = openOne();
                var _ = Scope.open()) {
            assertEquals(
                    "Fake v1, device 2 of 4; --mesh can take 4 together, platform fake, PJRT C API 0.104",
                    device.description());
            assertEquals(Optional.empty(), device.mesh());
            assertArrayEquals(
                    counting(4, 6).toFloats(), counting(4, 6).to(device, BOTH).toFloats());
            assertEquals(1, fake.live(FakePlugin.Value.class));
            assertEquals(1, values(2).size());
        }
    }

    @Test
    void aStepIsOneProgramAndOneCallAndItsStateStaysWhereItIs() {
        try (var device = open(MESH);
                var step = step(device);
                var _ = Scope.open()) {
            Tensor state = counting(4, 6);
            float loss = 0;
            for (int i = 1; i <= 3; i++) {
                var out = step.apply(new In(state, counting(2, 5)));
                state = out.state();
                loss = ((Array) out.loss()).toFloats()[0];
                assertEquals(i, fake.calls("LoadedExecutable_Execute"));
            }
            assertEquals(45, loss);
            assertEquals(1, fake.compiled());
            // The state's parts once, and the rows' three times.
            assertEquals(4 * DEVICES, fake.calls("Client_BufferFromHostBuffer"));
            var expected = counting(4, 6).toFloats();
            var got = ((Array) state).toFloats();
            for (int i = 0; i < got.length; i++) {
                assertEquals(expected[i] + 3 * 45, got[i]);
            }
        }
    }

    @Test
    void donatedValuesAreConsumedOnAllDevices() {
        try (var device = open(MESH);
                var step = step(device)) {
            var state = counting(4, 6).to(device, BOTH);
            try (var rows = counting(2, 5)) {
                var out = step.apply(new In(state, rows));
                assertEquals(2 * DEVICES, fake.live(FakePlugin.Value.class), "the new state and the loss");
                assertThrows(IllegalStateException.class, state::buffer);
                ((Array) out.state()).close();
                ((Array) out.loss()).close();
                assertEquals(0, fake.live(FakePlugin.Value.class));
            }
        }
    }

    @Test
    void anArgumentThatLiesOtherwiseIsMovedAmongTheDevices() {
        try (var device = open(MESH);
                var step = step(device);
                var _ = Scope.open()) {
            for (int i = 0; i < 2; i++) {
                var out = step.apply(new In(counting(4, 6).to(device), counting(2, 5)));
                assertEquals(45, ((Array) out.state()).toFloats()[0]);
                assertEquals(2 * (i + 1), fake.calls("LoadedExecutable_Execute"), "one run moves, one steps");
            }
            assertEquals(2, fake.compiled());
        }
    }

    @Test
    void aProgramWithoutPlacementTakesItsArgumentsAsTheyLie() {
        var program = Trace.of(
                "sums",
                in -> List.of(in.get(0).sum(0), in.get(1).neg()),
                List.of(TensorType.f32(4, 6), TensorType.f32(3)));
        try (var device = open(MESH);
                var executable = device.compile(program, Layout.DENSE);
                var _ = Scope.open()) {
            assertEquals(0, fake.compiled());
            for (var split : List.of(ROWS, BOTH, ROWS, List.of("fsdp+tensor", ""))) {
                var results = executable.run(
                        List.of(counting(4, 6).to(device, split), counting(3).to(device)));
                assertArrayEquals(
                        new float[] {36, 40, 44, 48, 52, 56}, results.get(0).toFloats());
                assertArrayEquals(new float[] {-0f, -1, -2}, results.get(1).toFloats());
                assertEquals(
                        Placement.whole(TensorType.f32(6)),
                        PjrtValue.of(results.get(0).buffer()).split());
            }
            assertEquals(3, fake.compiled(), "once for each way to lie");
            assertEquals(4, fake.calls("LoadedExecutable_Execute"));
        }
    }

    @Test
    void compiledProgramsAreReusedByTheNextProcess() {
        for (int process = 1; process <= 2; process++) {
            try (var device = open(MESH);
                    var step = step(device);
                    var _ = Scope.open()) {
                var out = step.apply(new In(counting(4, 6), counting(2, 5)));
                assertEquals(45, ((Array) out.state()).toFloats()[0]);
                assertEquals(1, fake.compiled());
            }
        }
        try (var device = open(Mesh.of("fsdp", 2));
                var _ = Scope.open()) {
            var x = counting(4, 6).to(device, ROWS);
            assertEquals(2, fake.live(FakePlugin.Value.class), "a mesh may leave devices alone");
            assertArrayEquals(counting(4, 6).toFloats(), x.toFloats());
        }
    }

    // What goes wrong.

    @Test
    void theFailureOfOneDeviceShowsAtEveryResult() {
        try (var device = open(MESH);
                var step = step(device);
                var _ = Scope.open()) {
            fake.failRunsOn(2);
            var out = step.apply(new In(counting(4, 6), counting(2, 5)));
            // It is whole on device 0, which has not failed.
            var error = assertThrows(PjrtException.class, ((Array) out.loss())::toFloats);
            assertTrue(error.getMessage().contains("running a program on device 2 of 4"), error::getMessage);
            assertTrue(error.getMessage().contains("the run was made to fail"), error::getMessage);
            assertThrows(PjrtException.class, ((Array) out.state())::toFloats);
        }
    }

    @Test
    void anUploadThatOneDeviceRefusesLeavesNothing() {
        try (var device = open(MESH);
                var x = counting(4, 6);
                var large = counting(1 << 10, 1 << 9)) {
            fake.fill(3);
            for (var each : List.of(x, large)) {
                var error = assertThrows(DeviceException.class, () -> each.to(device, BOTH));
                assertTrue(error.getMessage().contains("no memory on device 3"), error::getMessage);
                assertEquals(0, device.client().live(PjrtHandle.Kind.BUFFER));
                assertEquals(0, device.client().live(PjrtHandle.Kind.EVENT));
            }
        }
    }

    @Test
    void largeValuesAreReadBeforeUploadReturns() {
        var type = TensorType.f32(1 << 10, 3 << 8);
        try (var device = open(MESH);
                var _ = Scope.open();
                var arena = Arena.ofConfined()) {
            for (var split : List.of(BOTH, ROWS, List.of("", "tensor"), List.of("", ""))) {
                var host = arena.allocate(type.byteSize());
                for (int i = 0; i < type.size(); i++) {
                    host.setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
                }
                var x = new Array(type, device.upload(type, host, split));
                host.fill((byte) 0);
                var values = x.toFloats();
                for (int i = 0; i < values.length; i += 997) {
                    assertEquals(i, values[i]);
                }
            }
        }
    }

    @Test
    void meshesThatDoNotFitAreOneClearError() {
        var few = assertThrows(DeviceException.class, () -> open(Mesh.parse("fsdp=4,tensor=2")));
        assertEquals(
                "device pjrt:fake: mesh fsdp=4,tensor=2 needs 8 devices, and this process can use 4 of the fake plugin;"
                        + " choose a mesh of 4 or fewer",
                few.getMessage());
        Program program = Trace.of("p", in -> in, List.of(TensorType.f32(4)));
        try (var device = open(MESH);
                var x = counting(5, 6)) {
            var other = Placement.replicated(Mesh.of("fsdp", 4), program);
            var error = assertThrows(DeviceException.class, () -> device.compile(program, new Layout(Set.of(), other)));
            assertEquals(
                    "program p is placed on a mesh fsdp=4, device pjrt:fake has fsdp=2,tensor=2", error.getMessage());
            var uneven = assertThrows(IllegalArgumentException.class, () -> x.to(device, ROWS));
            assertTrue(uneven.getMessage().contains("axis 0 has 5"), uneven::getMessage);
        }
    }

    @Test
    void aPluginThatReordersDevicesIsRefused() {
        try (var device = open(MESH)) {
            fake.define("LoadedExecutable_AddressableDevices", args -> {
                var one = Arena.global().allocate(ValueLayout.ADDRESS);
                args.put("addressable_devices", one).put("num_addressable_devices", 1L);
            });
            var program = Trace.of("p", in -> in, List.of(TensorType.f32(4)));
            var layout = new Layout(Set.of(), Placement.replicated(MESH, program));
            var error = assertThrows(DeviceException.class, () -> device.compile(program, layout));
            assertTrue(error.getMessage().contains("in another order"), error::getMessage);
        }
    }
}
