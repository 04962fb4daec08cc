package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tpu.StableHlo;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * A PJRT plugin that runs programs on the CPU device: it knows the text of each program that {@link #print} printed. The
 * binding is what it tests, so it keeps values in a layout of its own, column-major, moves them and runs programs while
 * the caller goes on, and believes nothing it is told.
 */
@SuppressWarnings("restricted")
final class FakePlugin extends FakeApi {
    static final String PLATFORM_VERSION = "fake 1";

    private static final MethodHandle MAKE_ERROR = handle(
            "makeError",
            MethodType.methodType(MemorySegment.class, FakePlugin.class, int.class, MemorySegment.class, long.class));

    /** Types by their numbers in {@code PJRT_Buffer_Type}. */
    private static final Map<Integer, DType> TYPES = Map.of(
            1, DType.BOOL, 2, DType.I8, 4, DType.I32, 10, DType.F16, 11, DType.F32, 12, DType.F64, 13, DType.BF16);

    /** A client. */
    record Client(List<MemorySegment> devices) {}

    /** A device, also its own description. */
    record Accelerator(int id) {}

    /** A value: bytes in column-major order once it is there. */
    static final class Value {
        final TensorType type;
        final CompletableFuture<byte[]> bytes;
        volatile boolean deleted;

        Value(TensorType type, CompletableFuture<byte[]> bytes) {
            this.type = type;
            this.bytes = bytes;
        }
    }

    /** Something that ends. */
    record Event(CompletableFuture<?> end) {}

    /** A compiled program. */
    record Compiled(String text, int devices) {}

    /** A compiled program on devices. */
    record Loaded(Compiled compiled, Program program, Executable executable, List<MemorySegment> devices) {}

    /** What {@code Serialize} gave, until its deleter is called. */
    record Serialized(byte[] bytes) {}

    /** Devices that are not here. */
    record Topology(String name, List<MemorySegment> devices) {}

    private final Device cpu = Devices.defaultDevice();
    private final Map<String, Program> printed = new ConcurrentHashMap<>();
    private final ExecutorService queue = Executors.newSingleThreadExecutor();
    private final MemorySegment deleter;
    private final MemorySegment makeError;
    private final int devices;
    private final List<String> exchange = new ArrayList<>();
    private volatile boolean failing;
    private int compiled;

    /** A plugin of the version that the binding is made for. */
    FakePlugin() {
        this(1, CApi.MINOR, 1120);
    }

    /** A plugin with a number of devices, and a version. */
    FakePlugin(int devices, int minor, long size) {
        super(CApi.MAJOR, minor, size);
        this.devices = devices;
        deleter = upcall(
                handle("delete", MethodType.methodType(void.class, FakePlugin.class, MemorySegment.class))
                        .bindTo(this),
                FunctionDescriptor.ofVoid(ADDRESS));
        makeError = upcall(MAKE_ERROR.bindTo(this), FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG));
        defineClient();
        defineDevices();
        defineBuffers();
        defineEvents();
        defineExecutables();
        defineTopologies();
    }

    private static MethodHandle handle(String method, MethodType type) {
        try {
            return MethodHandles.lookup().findStatic(FakePlugin.class, method, type);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    /** The text of a program, which this plugin can then compile. */
    String print(Program program) {
        var text = StableHlo.print(program);
        printed.put(text, program);
        return text;
    }

    /** From now on every run fails, when it has begun. */
    void failRuns() {
        failing = true;
    }

    /** How many programs were compiled. */
    int compiled() {
        return compiled;
    }

    /** What the key-value functions of a client answered. */
    List<String> exchange() {
        return List.copyOf(exchange);
    }

    /** Objects that a caller must have destroyed, descriptions of devices left out. */
    List<Object> leaks() {
        return live().stream()
                .filter(object -> !(object instanceof Accelerator))
                .toList();
    }

    // Plugin and client.

    private void defineClient() {
        define("Plugin_Initialize", _ -> {});
        define(
                "Plugin_Attributes",
                args -> named(
                        args,
                        "attributes",
                        Map.of(
                                "xla_version", new PjrtAttribute.Whole(2),
                                "stablehlo_current_version", new PjrtAttribute.Wholes(List.of(1L, 13L, 7L)))));
        define("Client_Create", this::createClient);
        define("Client_Destroy", args -> {
            var client = destroy(args, "client", Client.class);
            var orphans = live(Value.class) + live(Loaded.class);
            if (orphans > 0) {
                violation("Client_Destroy: " + orphans + " values and programs of " + client + " are left");
            }
        });
        define("Client_PlatformName", args -> text(args, "platform_name", "fake"));
        define("Client_PlatformVersion", args -> text(args, "platform_version", PLATFORM_VERSION));
        define("Client_ProcessIndex", args -> {
            client(args);
            args.putInt("process_index", 0);
        });
        define("Client_Devices", args -> list(args, "devices", client(args).devices));
        define("Client_AddressableDevices", args -> list(args, "addressable_devices", client(args).devices));
        define("Client_Compile", this::compile);
        define("Client_BufferFromHostBuffer", this::upload);
    }

    private Client client(StructView args) {
        return get(args, "client", Client.class);
    }

    private void text(StructView args, String field, String text) {
        client(args);
        answer(args, field, text);
    }

    private void list(StructView args, String field, List<MemorySegment> addresses) {
        var array = arena().allocate(ADDRESS, Math.max(1, addresses.size()));
        IntStream.range(0, addresses.size()).forEach(i -> array.setAtIndex(ADDRESS, i, addresses.get(i)));
        args.put(field, array).put("num_" + field, (long) addresses.size());
    }

    private void named(StructView args, String field, Map<String, PjrtAttribute> attributes) {
        args.put(field, PjrtAttribute.array(attributes, arena())).put("num_" + field, (long) attributes.size());
    }

    private void createClient(StructView args) {
        var options = PjrtAttribute.read(args.address("create_options"), args.number("num_options"));
        options.forEach((name, value) -> {
            if (!name.equals("option")) {
                throw new Failure(PjrtStatus.INVALID_ARGUMENT, "Unexpected option " + name + " = " + value);
            }
        });
        if (!args.isNull("kv_get_callback")) {
            exchangeKeys(args);
        }
        var accelerators = IntStream.range(0, devices)
                .mapToObj(id -> add(new Accelerator(id)))
                .toList();
        args.put("client", add(new Client(accelerators)));
    }

    /** Uses the key-value functions as plugins do: in structures whose size nobody has set. */
    private void exchangeKeys(StructView create) {
        keyValue(
                "KeyValuePutCallback",
                create,
                "put",
                args -> args.putText("key", "nodes/1", arena()).putText("value", "there", arena()));
        keyValue("KeyValueTryGetCallback", create, "try_get", args -> args.putText("key", "nodes/1", arena()));
        keyValue("KeyValueTryGetCallback", create, "try_get", args -> args.putText("key", "nodes/2", arena()));
        keyValue(
                "KeyValueGetCallback",
                create,
                "get",
                args -> args.putText("key", "nodes/1", arena()).putInt("timeout_in_ms", 10));
        keyValue(
                "KeyValueGetCallback",
                create,
                "get",
                args -> args.putText("key", "nodes/2", arena()).putInt("timeout_in_ms", 10));
    }

    private void keyValue(String struct, StructView create, String name, Function fill) {
        var memory = arena().allocate(CApi.struct(struct).sizeof(), 8).fill((byte) 0x55);
        var args = StructView.at(struct, memory);
        try {
            fill.call(args);
            var pointer = arena().allocate(ADDRESS);
            pointer.set(ADDRESS, 0, makeError);
            args.put("callback_error", pointer).put("user_arg", create.address("kv_" + name + "_user_arg"));
            var error = (MemorySegment) Linker.nativeLinker()
                    .downcallHandle(create.address("kv_" + name + "_callback"), FunctionDescriptor.of(ADDRESS, ADDRESS))
                    .invokeExact(memory);
            exchange.add(error.address() != 0 ? take(error) : name.equals("put") ? "put" : value(args));
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private String value(StructView args) throws Throwable {
        var value = args.text("value");
        Linker.nativeLinker()
                .downcallHandle(args.address("value_deleter_callback"), FunctionDescriptor.ofVoid(ADDRESS))
                .invokeExact(args.address("value"));
        return value;
    }

    private static MemorySegment makeError(FakePlugin plugin, int code, MemorySegment message, long size) {
        var text = new String(message.reinterpret(size).toArray(JAVA_BYTE), StandardCharsets.UTF_8);
        return plugin.error(PjrtStatus.of(code), text);
    }

    // Devices.

    private void defineDevices() {
        define("Device_GetDescription", args -> {
            get(args, "device", Accelerator.class);
            args.put("device_description", args.address("device"));
        });
        define("Device_IsAddressable", args -> {
            get(args, "device", Accelerator.class);
            args.put("is_addressable", true);
        });
        define("Device_MemoryStats", args -> {
            get(args, "device", Accelerator.class);
            args.put("bytes_in_use", live(Value.class))
                    .put("bytes_limit", 1L << 30)
                    .put("bytes_limit_is_set", true);
        });
        define("DeviceDescription_Id", args -> args.putInt("id", description(args).id));
        define("DeviceDescription_ProcessIndex", args -> {
            description(args);
            args.putInt("process_index", 0);
        });
        define("DeviceDescription_Kind", args -> {
            description(args);
            answer(args, "device_kind", "Fake v1");
        });
        define(
                "DeviceDescription_ToString",
                args -> answer(args, "to_string", "FakeDevice(" + description(args).id + ")"));
        define(
                "DeviceDescription_Attributes",
                args -> named(
                        args,
                        "attributes",
                        Map.of("coords", new PjrtAttribute.Wholes(List.of((long) description(args).id, 0L, 0L)))));
    }

    private Accelerator description(StructView args) {
        return get(args, "device_description", Accelerator.class);
    }

    // Values.

    private void defineBuffers() {
        define("Buffer_Destroy", args -> destroy(args, "buffer", Value.class));
        define("Buffer_IsDeleted", args -> args.put("is_deleted", get(args, "buffer", Value.class).deleted));
        define(
                "Buffer_OnDeviceSizeInBytes",
                args -> args.put(
                        "on_device_size_in_bytes", value(args, "buffer").type.byteSize()));
        define("Buffer_ReadyEvent", args -> args.put("event", add(new Event(value(args, "buffer").bytes))));
        define("Buffer_CopyToDevice", args -> {
            get(args, "dst_device", Accelerator.class);
            var source = value(args, "buffer");
            args.put("dst_buffer", add(new Value(source.type, source.bytes)));
        });
        define("Buffer_ToHostBuffer", this::download);
    }

    /** A value that may be used. */
    private Value value(StructView args, String field) {
        return usable(get(args, field, Value.class));
    }

    private static Value usable(Value value) {
        if (value.deleted) {
            throw new Failure(PjrtStatus.INVALID_ARGUMENT, "Buffer has been deleted or donated.");
        }
        return value;
    }

    private void upload(StructView args) {
        client(args);
        get(args, "device", Accelerator.class);
        var dims = Arrays.stream(args.longs("dims", args.number("num_dims")))
                .mapToInt(Math::toIntExact)
                .toArray();
        var type = new TensorType(TYPES.get(args.intNumber("type")), Shape.of(dims));
        if (args.number("num_byte_strides") != 0 || !args.isNull("device_layout")) {
            throw new Failure(PjrtStatus.UNIMPLEMENTED, "only dense values");
        }
        var host = args.address("data").reinterpret(type.byteSize());
        CompletableFuture<byte[]> bytes;
        switch (args.intNumber("host_buffer_semantics")) {
            case 0 -> {
                // The caller may change its memory when this returns.
                var copy = host.toArray(JAVA_BYTE);
                bytes = CompletableFuture.supplyAsync(() -> columnMajor(type, copy), queue);
            }
            case 1 -> bytes = CompletableFuture.supplyAsync(() -> columnMajor(type, host.toArray(JAVA_BYTE)), queue);
            default -> throw new Failure(PjrtStatus.UNIMPLEMENTED, "no zero copies");
        }
        args.put("buffer", add(new Value(type, bytes))).put("done_with_host_buffer", add(new Event(bytes)));
    }

    private void download(StructView args) {
        var value = value(args, "src");
        if (args.isNull("dst")) {
            args.put("dst_size", value.type.byteSize());
            return;
        }
        if (args.number("dst_size") < value.type.byteSize()) {
            throw new Failure(PjrtStatus.INVALID_ARGUMENT, "dst_size is too small for " + value.type);
        }
        boolean rowMajor = !args.isNull("host_layout") && isRowMajor(args, value.type.rank());
        var target = args.address("dst").reinterpret(value.type.byteSize());
        var end = value.bytes.thenApplyAsync(
                bytes -> {
                    var ordered = rowMajor ? rowMajor(value.type, bytes) : bytes;
                    return target.copyFrom(MemorySegment.ofArray(ordered));
                },
                queue);
        args.put("event", add(new Event(end)));
    }

    private boolean isRowMajor(StructView args, int rank) {
        var layout = given("Buffer_MemoryLayout", args, "host_layout");
        var tiled = layout.within("tiled", "Buffer_MemoryLayout_Tiled");
        var order = tiled.longs("minor_to_major", tiled.number("minor_to_major_size"));
        var expected = LongStream.range(0, rank).map(i -> rank - 1 - i).toArray();
        if (layout.intNumber("type") != 0 || tiled.number("num_tiles") != 0 || !Arrays.equals(order, expected)) {
            throw new Failure(PjrtStatus.UNIMPLEMENTED, "layout " + Arrays.toString(order) + " of rank " + rank);
        }
        return true;
    }

    private static byte[] columnMajor(TensorType type, byte[] rowMajor) {
        return reordered(type, rowMajor, true);
    }

    private static byte[] rowMajor(TensorType type, byte[] columnMajor) {
        return reordered(type, columnMajor, false);
    }

    private static byte[] reordered(TensorType type, byte[] from, boolean toColumns) {
        if (type.rank() < 2) {
            return from;
        }
        var dims = type.shape().dims();
        int bytes = type.dtype().bytes();
        var to = new byte[from.length];
        for (int row = 0; row < type.size(); row++) {
            int column = 0;
            int stride = 1;
            int rest = row;
            var index = new int[dims.length];
            for (int axis = dims.length - 1; axis >= 0; axis--) {
                index[axis] = rest % dims[axis];
                rest /= dims[axis];
            }
            for (int axis = 0; axis < dims.length; axis++) {
                column += index[axis] * stride;
                stride *= dims[axis];
            }
            int source = toColumns ? row : column;
            int target = toColumns ? column : row;
            System.arraycopy(from, source * bytes, to, target * bytes, bytes);
        }
        return to;
    }

    // Events.

    private void defineEvents() {
        define("Event_Destroy", args -> destroy(args, "event", Event.class));
        define(
                "Event_IsReady",
                args -> args.put("is_ready", get(args, "event", Event.class).end.isDone()));
        define("Event_Await", args -> await(get(args, "event", Event.class).end));
        define("Event_OnReady", args -> {
            var callback = Linker.nativeLinker()
                    .downcallHandle(args.address("callback"), FunctionDescriptor.ofVoid(ADDRESS, ADDRESS));
            var argument = args.address("user_arg");
            get(args, "event", Event.class).end.whenComplete((_, failure) -> {
                try {
                    var error = failure == null ? MemorySegment.NULL : error(status(failure), text(failure));
                    callback.invokeExact(error, argument);
                } catch (Throwable e) {
                    violation("callback: " + e);
                }
            });
        });
    }

    private static void await(CompletableFuture<?> end) {
        try {
            end.join();
        } catch (RuntimeException e) {
            throw new Failure(status(e), text(e));
        }
    }

    private static Throwable cause(Throwable failure) {
        return failure.getCause() == null ? failure : cause(failure.getCause());
    }

    private static PjrtStatus status(Throwable failure) {
        return cause(failure) instanceof DeviceException ? PjrtStatus.INVALID_ARGUMENT : PjrtStatus.INTERNAL;
    }

    private static String text(Throwable failure) {
        return String.valueOf(cause(failure).getMessage());
    }

    // Programs.

    private void defineExecutables() {
        define("LoadedExecutable_Destroy", args -> {
            var loaded = destroy(args, "executable", Loaded.class);
            // After the runs that were begun.
            queue.execute(loaded.executable::close);
        });
        define(
                "LoadedExecutable_GetExecutable",
                args -> args.put("executable", add(get(args, "loaded_executable", Loaded.class).compiled)));
        define(
                "LoadedExecutable_AddressableDevices",
                args -> list(args, "addressable_devices", get(args, "executable", Loaded.class).devices));
        define("LoadedExecutable_Execute", this::execute);
        define("Executable_Destroy", args -> destroy(args, "executable", Compiled.class));
        define("Executable_Name", args -> {
            executable(args);
            answer(args, "executable_name", "fake");
        });
        define(
                "Executable_NumOutputs",
                args -> args.put("num_outputs", (long)
                        printed.get(executable(args).text).results().size()));
        define("Executable_NumPartitions", args -> args.put("num_partitions", (long) executable(args).devices));
        define(
                "Executable_Fingerprint",
                args -> answer(
                        args,
                        "executable_fingerprint",
                        Integer.toHexString(executable(args).text.hashCode())));
        define("Executable_GetCompiledMemoryStats", args -> {
            executable(args);
            args.put("argument_size_in_bytes", 24L)
                    .put("output_size_in_bytes", 12L)
                    .put("alias_size_in_bytes", 8L)
                    .put("temp_size_in_bytes", 4L);
        });
        define("Executable_GetCostAnalysis", args -> {
            executable(args);
            var properties = new LinkedHashMap<String, PjrtAttribute>();
            properties.put("flops", new PjrtAttribute.Real(6));
            properties.put("name", new PjrtAttribute.Text("straße"));
            properties.put("fast", new PjrtAttribute.Flag(true));
            named(args, "properties", properties);
        });
        define("Executable_OptimizedProgram", args -> {
            var program = given("Program", args, "program");
            var code = executable(args).text.getBytes(StandardCharsets.UTF_8);
            if (!program.isNull("code")) {
                program.address("code").reinterpret(program.number("code_size")).copyFrom(MemorySegment.ofArray(code));
            }
            program.put("code_size", code.length);
            answer(program, "format", "mlir");
        });
        define("Executable_Serialize", args -> {
            var bytes = executable(args).text.getBytes(StandardCharsets.UTF_8);
            args.putBytes("serialized_bytes", bytes, arena())
                    .put("serialized_executable", add(new Serialized(bytes)))
                    .put("serialized_executable_deleter", deleter);
        });
        define("Executable_DeserializeAndLoad", args -> {
            client(args);
            var text = args.text("serialized_executable");
            if (!printed.containsKey(text)) {
                throw new Failure(PjrtStatus.INVALID_ARGUMENT, "not of this version");
            }
            args.put("loaded_executable", add(load(new Compiled(text, 1), client(args))));
        });
    }

    private static void delete(FakePlugin plugin, MemorySegment serialized) {
        try {
            plugin.get(serialized, Serialized.class);
            plugin.forget(serialized);
        } catch (RuntimeException e) {
            plugin.violation("deleter: " + e);
        }
    }

    private Compiled executable(StructView args) {
        return get(args, "executable", Compiled.class);
    }

    private String module(StructView args) {
        var program = given("Program", args, "program");
        if (!program.text("format").equals("mlir")) {
            throw new Failure(PjrtStatus.INVALID_ARGUMENT, "format " + program.text("format"));
        }
        if (!printed.containsKey(program.text("code"))) {
            throw new Failure(PjrtStatus.INVALID_ARGUMENT, "-:1:1: error: no such program");
        }
        return program.text("code");
    }

    private void compile(StructView args) {
        compiled++;
        var options = args.bytes("compile_options", args.number("compile_options_size"));
        args.put("executable", add(load(new Compiled(module(args), replicas(options)), client(args))));
    }

    /** Field 4 of the message in field 3. */
    private static int replicas(byte[] options) {
        var build = new ProtoReader(new ProtoReader(options).message(3));
        return (int) build.number(4);
    }

    private Loaded load(Compiled compiled, Client client) {
        var program = printed.get(compiled.text);
        var executable = cpu.compile(program.donating(Set.of()), Layout.DENSE);
        return new Loaded(compiled, program, executable, client.devices.subList(0, compiled.devices));
    }

    private void execute(StructView args) {
        var loaded = get(args, "executable", Loaded.class);
        var donated = donated(given("ExecuteOptions", args, "options"), loaded.program);
        long count = args.number("num_args");
        if (args.number("num_devices") != loaded.devices.size()
                || count != loaded.program.params().size()) {
            throw new Failure(PjrtStatus.INVALID_ARGUMENT, "got " + args.number("num_devices") + " lists of " + count);
        }
        var events = args.address("device_complete_events");
        for (int device = 0; device < loaded.devices.size(); device++) {
            var arguments = values(args.address("argument_lists"), device, count);
            donated.forEach(i -> arguments.get(i).deleted = true);
            var run = CompletableFuture.supplyAsync(() -> run(loaded, arguments), queue);
            var outputs = element(args.address("output_lists"), device);
            int results = loaded.program.results().size();
            for (int k = 0; k < results; k++) {
                int result = k;
                var type = loaded.program.results().get(k).type();
                var value = new Value(type, run.thenApply(all -> all.get(result)));
                outputs.reinterpret(8L * results).setAtIndex(ADDRESS, k, add(value));
            }
            if (events.address() != 0) {
                events.reinterpret(8L * loaded.devices.size()).setAtIndex(ADDRESS, device, add(new Event(run)));
            }
        }
    }

    private static Set<Integer> donated(StructView options, Program program) {
        var kept = options.longs("non_donatable_input_indices", options.number("num_non_donatable_input_indices"));
        var donated = new java.util.HashSet<>(program.donated());
        Arrays.stream(kept).forEach(i -> donated.remove(Math.toIntExact(i)));
        return donated;
    }

    private static MemorySegment element(MemorySegment lists, int device) {
        return lists.reinterpret(8L * (device + 1)).getAtIndex(ADDRESS, device);
    }

    private List<Value> values(MemorySegment lists, int device, long count) {
        var list = element(lists, device).reinterpret(8 * count);
        return LongStream.range(0, count)
                .mapToObj(i -> usable(get(list.getAtIndex(ADDRESS, i), Value.class)))
                .toList();
    }

    private List<byte[]> run(Loaded loaded, List<Value> arguments) {
        if (failing) {
            throw new DeviceException("the run was made to fail");
        }
        try (var _ = Scope.open();
                var memory = java.lang.foreign.Arena.ofConfined()) {
            var arrays = new ArrayList<Array>();
            for (var argument : arguments) {
                var host = memory.allocate(Math.max(1, argument.type.byteSize()), 64);
                host.asSlice(0, argument.type.byteSize())
                        .copyFrom(MemorySegment.ofArray(rowMajor(argument.type, argument.bytes.join())));
                arrays.add(Array.copyOf(argument.type, host, cpu));
            }
            return loaded.executable.run(arrays).stream()
                    .map(result -> {
                        var host = memory.allocate(Math.max(1, result.type().byteSize()), 64);
                        result.buffer().download(host);
                        var bytes = host.asSlice(0, result.type().byteSize()).toArray(JAVA_BYTE);
                        return columnMajor(result.type(), bytes);
                    })
                    .toList();
        }
    }

    // Topologies.

    private void defineTopologies() {
        define("TopologyDescription_Create", args -> {
            var name = args.text("topology_name");
            if (!name.matches("fake:\\d+")) {
                throw new Failure(PjrtStatus.INVALID_ARGUMENT, "unknown topology " + name);
            }
            var options = PjrtAttribute.read(args.address("create_options"), args.number("num_options"));
            var ids = IntStream.range(0, Integer.parseInt(name.substring(5)))
                    .mapToObj(id -> add(new Accelerator(id)))
                    .toList();
            args.put("topology", add(new Topology(name + options, ids)));
        });
        define("TopologyDescription_Destroy", args -> destroy(args, "topology", Topology.class));
        define(
                "TopologyDescription_PlatformName",
                args -> answer(args, "platform_name", get(args, "topology", Topology.class).name));
        define("TopologyDescription_PlatformVersion", args -> {
            get(args, "topology", Topology.class);
            answer(args, "platform_version", PLATFORM_VERSION);
        });
        define(
                "TopologyDescription_GetDeviceDescriptions",
                args -> list(args, "descriptions", get(args, "topology", Topology.class).devices));
        define("TopologyDescription_Attributes", args -> {
            get(args, "topology", Topology.class);
            named(args, "attributes", new HashMap<>());
        });
        define("Compile", args -> {
            var topology = get(args, "topology", Topology.class);
            args.put("executable", add(new Compiled(module(args), topology.devices.size())));
        });
    }

    @Override
    public void close() {
        queue.shutdown();
        queue.close();
        super.close();
    }
}
