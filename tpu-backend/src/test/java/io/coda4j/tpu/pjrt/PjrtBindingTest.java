package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class PjrtBindingTest {
    private static final TensorType X = TensorType.f32(2, 3);
    private static final Program ADD = Trace.of("add", in -> List.of(in.get(0).add(in.get(1))), List.of(X, X));

    private FakePlugin fake = new FakePlugin();

    @AfterEach
    void nothingIsLeft() {
        assertEquals(List.of(), fake.violations());
        assertEquals(List.of(), fake.leaks());
        fake.close();
    }

    private PjrtPlugin plugin() {
        return PjrtPlugin.at("fake", fake.api());
    }

    private PjrtClient client() {
        return plugin().client(Map.of(), null);
    }

    private void becomes(FakePlugin other) {
        fake.close();
        fake = other;
    }

    private static PjrtBuffer upload(PjrtClient client, int device, float... values) {
        try (var arena = Arena.ofConfined()) {
            return client.upload(
                    X,
                    arena.allocateFrom(JAVA_FLOAT, values),
                    client.addressableDevices().get(device));
        }
    }

    private static float[] download(PjrtBuffer buffer) {
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(X.byteSize());
            try (var event = buffer.download(X, host)) {
                event.await();
            }
            return host.toArray(JAVA_FLOAT);
        }
    }

    // Versions.

    @Test
    void versionsWithAnotherOrderOfFunctionsAreRefused() {
        becomes(new FakePlugin(1, CApi.LEAST_MINOR - 1, 1120));
        var error = assertThrows(DeviceException.class, this::plugin);
        assertEquals(
                "fake speaks version 0.56 of the PJRT C API; expected 0.57 or newer with the same major number."
                        + " Install a newer plugin",
                error.getMessage());
        try (var other = new FakeApi(1, 0, 1120)) {
            var major = assertThrows(DeviceException.class, () -> PjrtPlugin.at("other", other.api()));
            assertTrue(major.getMessage().startsWith("other speaks version 1.0 "), major::getMessage);
        }
        assertThrows(DeviceException.class, () -> PjrtPlugin.at("none", MemorySegment.NULL));
    }

    @Test
    void olderPluginsLackFunctionsAndNewerOnesHaveMore() {
        // Ends before PJRT_Executable_GetCompiledMemoryStats.
        becomes(new FakePlugin(1, CApi.LEAST_MINOR, 800));
        try (var client = client();
                var loaded = client.compile(fake.print(ADD), CompileOptions.onDevice(0));
                var executable = loaded.executable()) {
            assertEquals(1, executable.outputs());
            var error = assertThrows(PjrtException.class, executable::memory);
            assertEquals(PjrtStatus.UNIMPLEMENTED, error.status());
            assertTrue(error.getMessage().contains("version 0.57 of the plugin does not have it"), error::getMessage);
        }
        becomes(new FakePlugin(1, CApi.MINOR + 40, 4000));
        assertEquals("0.144", plugin().apiVersion());
    }

    @Test
    void aFunctionThatIsNullIsAbsent() {
        fake.undefine("Executable_Fingerprint");
        try (var client = client();
                var loaded = client.compile(fake.print(ADD), CompileOptions.onDevice(0));
                var executable = loaded.executable()) {
            var error = assertThrows(PjrtException.class, executable::fingerprint);
            assertEquals(PjrtStatus.UNIMPLEMENTED, error.status());
        }
    }

    @Test
    void attributesOfAPluginAreRead() {
        assertEquals(
                Map.of(
                        "xla_version", new PjrtAttribute.Whole(2),
                        "stablehlo_current_version", new PjrtAttribute.Wholes(List.of(1L, 13L, 7L))),
                plugin().attributes());
        assertTrue(fake.called().contains("Plugin_Initialize"));
    }

    // Errors.

    @Test
    void errorsHaveTheCodeAndTheTextOfThePlugin() {
        try (var client = client()) {
            var error =
                    assertThrows(PjrtException.class, () -> client.compile("module {}", CompileOptions.onDevice(0)));
            assertEquals(PjrtStatus.INVALID_ARGUMENT, error.status());
            assertEquals(
                    "fake: PJRT_Client_Compile: INVALID_ARGUMENT: -:1:1: error: no such program", error.getMessage());
        }
        var refused = assertThrows(
                PjrtException.class, () -> plugin().client(Map.of("speed", new PjrtAttribute.Real(1.5f)), null));
        assertTrue(refused.getMessage().endsWith("Unexpected option speed = 1.5"), refused::getMessage);
    }

    @Test
    void aRunThatFailsSaysSoWhereItsResultsAreUsed() {
        try (var client = client();
                var loaded = client.compile(fake.print(ADD), CompileOptions.onDevice(0));
                var a = upload(client, 0, 1, 2, 3, 4, 5, 6)) {
            fake.failRuns();
            var run = loaded.run(List.of(List.of(a, a)), 1, Set.of());
            var end = assertThrows(
                    CompletionException.class, run.ends().getFirst().future()::join);
            assertInstanceOf(PjrtException.class, end.getCause());
            assertTrue(end.getMessage().contains("the run was made to fail"), end::getMessage);
            try (var result = run.results().getFirst().getFirst();
                    var ready = result.ready()) {
                assertThrows(PjrtException.class, ready::await);
                assertThrows(PjrtException.class, () -> download(result));
            }
        }
    }

    // Clients, devices and lifetimes.

    @Test
    void aClientKnowsItsDevices() {
        becomes(new FakePlugin(3, CApi.MINOR, 1120));
        try (var client = client()) {
            assertEquals("fake", client.platformName());
            assertEquals(FakePlugin.PLATFORM_VERSION, client.platformVersion());
            assertEquals(0, client.processIndex());
            assertEquals(client.devices(), client.addressableDevices());
            var last = client.devices().getLast();
            assertTrue(last.isAddressable());
            assertEquals(
                    new PjrtDeviceDescription(
                            2,
                            0,
                            "Fake v1",
                            "FakeDevice(2)",
                            new TreeMap<>(Map.of("coords", new PjrtAttribute.Wholes(List.of(2L, 0L, 0L))))),
                    last.description());
            var memory = last.memory();
            assertEquals(OptionalLong.of(1L << 30), memory.limit());
            assertEquals(OptionalLong.empty(), memory.peak());
        }
    }

    @Test
    void whatAClosedClientMadeCannotBeUsed() {
        var client = client();
        var buffer = upload(client, 0, 1, 2, 3, 4, 5, 6);
        var loaded = client.compile(fake.print(ADD), CompileOptions.onDevice(0));
        client.close();
        for (Runnable use : List.<Runnable>of(
                buffer::deviceBytes,
                () -> download(buffer),
                client::platformName,
                loaded::devices,
                () -> loaded.execute(List.of(List.of(buffer, buffer)), 1, Set.of()))) {
            var error = assertThrows(IllegalStateException.class, use::run);
            assertEquals("fake: the client was closed; nothing of it can be used any more", error.getMessage());
        }
        buffer.close();
        loaded.close();
        client.close();
        assertEquals(0, client.live(PjrtHandle.Kind.BUFFER));
    }

    @Test
    void whatWasClosedCannotBeUsedAndIsDestroyedOnce() {
        try (var client = client()) {
            var buffer = upload(client, 0, 1, 2, 3, 4, 5, 6);
            assertEquals(1, client.live(PjrtHandle.Kind.BUFFER));
            buffer.close();
            buffer.close();
            assertEquals(0, client.live(PjrtHandle.Kind.BUFFER));
            var error = assertThrows(IllegalStateException.class, buffer::isDeleted);
            assertEquals("fake: the client: this Buffer cannot be used: it was closed", error.getMessage());
        }
    }

    // Values, programs, events.

    @Test
    void valuesComeBackRowMajorWhateverTheDevicesLayout() {
        try (var client = client();
                var buffer = upload(client, 0, 1, 2, 3, 4, 5, 6)) {
            assertEquals(24, buffer.deviceBytes());
            assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, download(buffer));
            try (var copy = buffer.copyTo(client.devices().getFirst())) {
                assertArrayEquals(new float[] {1, 2, 3, 4, 5, 6}, download(copy));
            }
        }
    }

    @Test
    void largeValuesAreReadBeforeUploadReturns() {
        var type = TensorType.f32(1 << 10, 1 << 10);
        try (var client = client();
                var arena = Arena.ofConfined()) {
            var host = arena.allocate(type.byteSize());
            for (int i = 0; i < type.size(); i++) {
                host.setAtIndex(JAVA_FLOAT, i, i);
            }
            try (var buffer = client.upload(type, host, client.devices().getFirst())) {
                host.fill((byte) 0);
                try (var event = buffer.download(type, host)) {
                    event.await();
                }
            }
            assertEquals(1 << 19, host.getAtIndex(JAVA_FLOAT, 1 << 19));
        }
    }

    @Test
    void onlyTheDonatedArgumentsAreConsumed() {
        var program = ADD.donating(Set.of(0, 1));
        try (var client = client();
                var loaded = client.compile(fake.print(program), CompileOptions.onDevice(0));
                var a = upload(client, 0, 1, 2, 3, 4, 5, 6);
                var b = upload(client, 0, 10, 20, 30, 40, 50, 60)) {
            var results = loaded.execute(List.of(List.of(a, b)), 1, Set.of(1)).getFirst();
            assertArrayEquals(new float[] {11, 22, 33, 44, 55, 66}, download(results.getFirst()));
            results.getFirst().close();
            assertFalse(a.isDeleted());
            assertTrue(b.isDeleted());
            var error = assertThrows(PjrtException.class, () -> loaded.execute(List.of(List.of(a, b)), 1, Set.of()));
            assertTrue(error.getMessage().contains("deleted or donated"), error::getMessage);
        }
    }

    @Test
    void eachDeviceRunsWithItsArguments() {
        becomes(new FakePlugin(2, CApi.MINOR, 1120));
        var options = new CompileOptions(2, 1, List.of(0L, 1L), new TreeMap<>());
        try (var client = client();
                var loaded = client.compile(fake.print(ADD), options);
                var a = upload(client, 0, 1, 2, 3, 4, 5, 6);
                var b = upload(client, 1, 10, 20, 30, 40, 50, 60)) {
            assertEquals(client.devices(), loaded.devices());
            var run = loaded.run(List.of(List.of(a, a), List.of(b, b)), 1, Set.of());
            run.ends().forEach(end -> end.future().join());
            assertArrayEquals(
                    new float[] {2, 4, 6, 8, 10, 12},
                    download(run.results().get(0).getFirst()));
            assertArrayEquals(
                    new float[] {20, 40, 60, 80, 100, 120},
                    download(run.results().get(1).getFirst()));
            run.results().forEach(results -> results.forEach(PjrtBuffer::close));
            assertEquals(0, client.live(PjrtHandle.Kind.EVENT));
        }
    }

    @Test
    void eventsTellWithoutBlocking() throws Exception {
        try (var client = client();
                var arena = Arena.ofShared();
                var buffer = upload(client, 0, 1, 2, 3, 4, 5, 6)) {
            var host = arena.allocate(X.byteSize());
            var event = buffer.download(X, host);
            event.future().get();
            assertEquals(5, host.getAtIndex(JAVA_FLOAT, 4));
            try (var again = buffer.download(X, host)) {
                again.await();
                assertTrue(again.isReady());
            }
        }
    }

    @Test
    void anExecutableSaysWhatItsCompilerKnows() {
        var text = fake.print(ADD);
        try (var client = client();
                var loaded = client.compile(text, CompileOptions.onDevice(0));
                var executable = loaded.executable()) {
            assertEquals("fake", executable.name());
            assertEquals(1, executable.partitions());
            assertEquals(new PjrtExecutable.Memory(0, 24, 12, 8, 4, 0), executable.memory());
            assertEquals(
                    Map.of(
                            "flops", new PjrtAttribute.Real(6),
                            "name", new PjrtAttribute.Text("straße"),
                            "fast", new PjrtAttribute.Flag(true)),
                    executable.cost());
            assertEquals("mlir", executable.optimized().format());
            assertEquals(text, new String(executable.optimized().code(), java.nio.charset.StandardCharsets.UTF_8));
            try (var again = client.load(executable.serialize());
                    var a = upload(client, 0, 1, 2, 3, 4, 5, 6)) {
                try (var sum = again.execute(List.of(List.of(a, a)), 1, Set.of())
                        .getFirst()
                        .getFirst()) {
                    assertEquals(12, download(sum)[5]);
                }
            }
        }
        assertEquals(1, fake.compiled());
    }

    @Test
    void programsAreCompiledForDevicesThatAreNotHere() {
        var plugin = plugin();
        try (var topology = plugin.topology("fake:4", Map.of("wrap", new PjrtAttribute.Wholes(List.of(0L, 1L))))) {
            assertEquals("fake:4{wrap=[0, 1]}", topology.platformName());
            assertEquals(FakePlugin.PLATFORM_VERSION, topology.platformVersion());
            assertEquals(Map.of(), topology.attributes());
            assertEquals(
                    List.of(0, 1, 2, 3),
                    topology.devices().stream().map(PjrtDeviceDescription::id).toList());
            try (var executable = topology.compile(fake.print(ADD), CompileOptions.partitioned(4))) {
                assertEquals(4, executable.partitions());
                assertEquals(24, executable.memory().arguments());
                assertEquals(1, plugin.live(PjrtHandle.Kind.EXECUTABLE));
            }
        }
        assertEquals(0, plugin.live(PjrtHandle.Kind.TOPOLOGY));
        assertThrows(PjrtException.class, () -> plugin.topology("v4:2x2x1", Map.of()));
    }

    // Several processes.

    @Test
    void processesShareKeysThroughTheClient() {
        var values = new ConcurrentHashMap<String, byte[]>();
        var store = new KeyValueStore() {
            @Override
            public byte[] get(String key, Duration timeout) throws TimeoutException {
                return tryGet(key)
                        .orElseThrow(() -> new TimeoutException(key + " not there after " + timeout.toMillis()));
            }

            @Override
            public Optional<byte[]> tryGet(String key) {
                return Optional.ofNullable(values.get(key));
            }

            @Override
            public void put(String key, byte[] value) {
                values.put(key, value);
            }
        };
        try (var _ = plugin().client(Map.of(), store)) {
            assertEquals(
                    List.of(
                            "put",
                            "there",
                            "NOT_FOUND: no process has put nodes/2",
                            "there",
                            "DEADLINE_EXCEEDED: nodes/2 not there after 10"),
                    fake.exchange());
            assertEquals(Set.of("nodes/1"), values.keySet());
            assertEquals(0, KeyValueCallbacks.valuesHeld());
        }
    }
}
