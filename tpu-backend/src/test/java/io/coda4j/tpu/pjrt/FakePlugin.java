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
import io.coda4j.tensor.spi.Placement;
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
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.IntPredicate;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * A PJRT plugin that runs programs on the CPU device: it knows the text of each program that {@link #print} printed. The
 * binding is what it tests, so it keeps values in a layout of its own, column-major, moves them and runs programs while
 * the caller goes on, and believes nothing it is told.
 *
 * <p>A program on a mesh it runs whole: it puts the arguments together from the devices' parts, each of which must be where
 * the program's placement says, and cuts the results.
 */
@SuppressWarnings("restricted")
class FakePlugin extends FakeApi {
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
        final int device;
        final CompletableFuture<byte[]> bytes;
        volatile boolean deleted;

        Value(TensorType type, int device, CompletableFuture<byte[]> bytes) {
            this.type = type;
            this.device = device;
            this.bytes = bytes;
        }
    }

    /** Something that ends. */
    record Event(CompletableFuture<?> end) {}

    /** A program that was printed, on a mesh with its placement. */
    record Printed(Program program, @Nullable Placement placement) {
        /** The type of what one device has of a parameter. */
        TensorType parameter(int i) {
            var type = program.params().get(i).type();
            return placement == null
                    ? type
                    : new MeshParts(
                                    placement.mesh(),
                                    type,
                                    placement.parameters().get(i))
                            .type();
        }

        /** The type of what one device has of a result. */
        TensorType result(int k) {
            var type = program.results().get(k).type();
            return placement == null
                    ? type
                    : new MeshParts(placement.mesh(), type, placement.results().get(k)).type();
        }
    }

    /** A compiled program: its text, and the message {@code CompileOptionsProto}. */
    record Compiled(String text, byte[] options) {
        /** Ids of the devices, copy by copy and in each part by part. */
        List<Integer> devices() {
            var build = new ProtoReader(new ProtoReader(options).message(3));
            var parts = new ProtoReader(build.message(9)).messages(3);
            return IntStream.range(0, (int) build.number(4))
                    .boxed()
                    .flatMap(copy -> parts.stream()
                            .map(part -> new ProtoReader(part).numbers(1).get(copy)))
                    .map(Math::toIntExact)
                    .toList();
        }
    }

    /** A compiled program on devices. */
    static final class Loaded {
        final Compiled compiled;
        final Printed printed;
        final List<MemorySegment> devices;
        private @Nullable Executable executable;

        Loaded(Compiled compiled, Printed printed, List<MemorySegment> devices) {
            this.compiled = compiled;
            this.printed = printed;
            this.devices = devices;
        }

        Program program() {
            return printed.program;
        }

        /** The whole program on one device. */
        synchronized Executable executable(Device device) {
            if (executable == null) {
                executable = device.compile(printed.program.donating(Set.of()), Layout.DENSE);
            }
            return executable;
        }

        synchronized void close() {
            if (executable != null) {
                executable.close();
            }
        }
    }

    /** What {@code Serialize} gave, until its deleter is called. */
    record Serialized(byte[] bytes) {}

    /** Devices that are not here. */
    record Topology(String name, List<MemorySegment> devices) {}

    private final Device cpu = Devices.defaultDevice();
    private final Map<String, Printed> printed = new ConcurrentHashMap<>();
    private final ExecutorService queue = Executors.newSingleThreadExecutor();
    private final MemorySegment deleter;
    private final MemorySegment makeError;
    private final int devices;
    private final List<String> exchange = new ArrayList<>();
    private volatile IntPredicate failing = _ -> false;
    private volatile int fullDevice = -1;
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
        return print(program, null);
    }

    /** As {@link #print(Program)}, for a mesh if there is a placement. */
    String print(Program program, @Nullable Placement placement) {
        var text = PjrtDevice.Printer.STABLE_HLO.print(program, placement);
        printed.put(text, new Printed(program, placement));
        return text;
    }

    /** From now on every run fails, when it has begun. */
    void failRuns() {
        failing = _ -> true;
    }

    /** From now on every run fails on one device, when it has begun; the others do not notice. */
    void failRunsOn(int device) {
        failing = number -> number == device;
    }

    /** From now on a device takes no values from the host. */
    void fill(int device) {
        fullDevice = device;
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
            var source = value(args, "buffer");
            args.put("dst_buffer", add(new Value(source.type, device(args, "dst_device"), source.bytes)));
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

    private int device(StructView args, String field) {
        return get(args, field, Accelerator.class).id;
    }

    private void upload(StructView args) {
        client(args);
        int device = device(args, "device");
        if (device == fullDevice) {
            throw new Failure(PjrtStatus.RESOURCE_EXHAUSTED, "no memory on device " + device);
        }
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
        args.put("buffer", add(new Value(type, device, bytes))).put("done_with_host_buffer", add(new Event(bytes)));
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

    static byte[] rowMajor(TensorType type, byte[] columnMajor) {
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
            queue.execute(loaded::close);
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
                        known(executable(args).text).program.results().size()));
        define(
                "Executable_NumPartitions",
                args -> args.put(
                        "num_partitions", (long) executable(args).devices().size()));
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
            var executable = executable(args);
            var bytes = (HexFormat.of().formatHex(executable.options) + "\n" + executable.text)
                    .getBytes(StandardCharsets.UTF_8);
            args.putBytes("serialized_bytes", bytes, arena())
                    .put("serialized_executable", add(new Serialized(bytes)))
                    .put("serialized_executable_deleter", deleter);
        });
        define("Executable_DeserializeAndLoad", args -> {
            client(args);
            var parts = args.text("serialized_executable").split("\n", 2);
            if (parts.length != 2 || !printed.containsKey(parts[1])) {
                throw new Failure(PjrtStatus.INVALID_ARGUMENT, "not of this version");
            }
            var compiled = new Compiled(parts[1], HexFormat.of().parseHex(parts[0]));
            args.put("loaded_executable", add(load(compiled, client(args))));
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
        args.put("executable", add(load(new Compiled(module(args), options), client(args))));
    }

    private Printed known(String text) {
        return Objects.requireNonNull(printed.get(text));
    }

    private Loaded load(Compiled compiled, Client client) {
        var known = known(compiled.text);
        var ids = compiled.devices();
        var placement = known.placement;
        if (placement != null && placement.mesh().devices() != ids.size()) {
            throw new Failure(PjrtStatus.INVALID_ARGUMENT, placement.mesh() + " on devices " + ids);
        }
        var loaded = new Loaded(
                compiled, known, ids.stream().map(client.devices::get).toList());
        prepare(loaded);
        return loaded;
    }

    /** Makes a program ready to run, while the arrays that it holds are there. */
    void prepare(Loaded loaded) {
        loaded.executable(cpu);
    }

    private void execute(StructView args) {
        var loaded = get(args, "executable", Loaded.class);
        var donated = donated(given("ExecuteOptions", args, "options"), loaded.program());
        long count = args.number("num_args");
        if (args.number("num_devices") != loaded.devices.size()
                || count != loaded.program().params().size()) {
            throw new Failure(PjrtStatus.INVALID_ARGUMENT, "got " + args.number("num_devices") + " lists of " + count);
        }
        var arguments = IntStream.range(0, loaded.devices.size())
                .mapToObj(device -> values(args.address("argument_lists"), device, count))
                .toList();
        check(loaded, arguments);
        arguments.forEach(values -> donated.forEach(i -> values.get(i).deleted = true));
        var runs = runs(loaded, arguments);
        var events = args.address("device_complete_events");
        for (int device = 0; device < runs.size(); device++) {
            var run = runs.get(device);
            var outputs = element(args.address("output_lists"), device);
            int results = loaded.program().results().size();
            for (int k = 0; k < results; k++) {
                int result = k;
                var value =
                        new Value(loaded.printed.result(k), id(loaded, device), run.thenApply(all -> all.get(result)));
                outputs.reinterpret(8L * results).setAtIndex(ADDRESS, k, add(value));
            }
            if (events.address() != 0) {
                events.reinterpret(8L * runs.size()).setAtIndex(ADDRESS, device, add(new Event(run)));
            }
        }
    }

    private int id(Loaded loaded, int device) {
        return get(loaded.devices.get(device), Accelerator.class).id;
    }

    private void check(Loaded loaded, List<List<Value>> arguments) {
        for (int device = 0; device < arguments.size(); device++) {
            for (int i = 0; i < arguments.get(device).size(); i++) {
                var value = arguments.get(device).get(i);
                var expected = loaded.printed.parameter(i);
                if (value.device != id(loaded, device) || !value.type.equals(expected)) {
                    throw new Failure(
                            PjrtStatus.INVALID_ARGUMENT,
                            "argument " + i + " of device " + id(loaded, device) + " is " + value.type + " of device "
                                    + value.device + ", expected " + expected);
                }
            }
        }
    }

    /** What each device does; results in column-major order. */
    private List<CompletableFuture<List<byte[]>>> runs(Loaded loaded, List<List<Value>> arguments) {
        var placement = loaded.printed.placement;
        if (placement == null) {
            return IntStream.range(0, arguments.size())
                    .mapToObj(device -> CompletableFuture.supplyAsync(
                            () -> failing(device, () -> run(loaded, rowMajor(arguments.get(device)))), queue))
                    .toList();
        }
        var together = CompletableFuture.supplyAsync(
                () -> runOnMesh(
                        loaded,
                        placement,
                        arguments.stream().map(FakePlugin::rowMajor).toList()),
                queue);
        return IntStream.range(0, arguments.size())
                .mapToObj(device ->
                        together.thenApply(all -> failing(device, () -> columnMajor(loaded.printed, all.get(device)))))
                .toList();
    }

    private <T> T failing(int device, Supplier<T> run) {
        if (failing.test(device)) {
            throw new DeviceException("the run was made to fail");
        }
        return run.get();
    }

    private static List<byte[]> rowMajor(List<Value> values) {
        return values.stream()
                .map(value -> rowMajor(value.type, value.bytes.join()))
                .toList();
    }

    private static List<byte[]> columnMajor(Printed printed, List<byte[]> parts) {
        return IntStream.range(0, parts.size())
                .mapToObj(k -> columnMajor(printed.result(k), parts.get(k)))
                .toList();
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

    /** Runs a program on one device; results in column-major order. */
    private List<byte[]> run(Loaded loaded, List<byte[]> arguments) {
        return columnMajor(loaded.printed, whole(loaded, arguments));
    }

    private List<byte[]> whole(Loaded loaded, List<byte[]> arguments) {
        try (var _ = Scope.open();
                var memory = java.lang.foreign.Arena.ofConfined()) {
            var arrays = new ArrayList<Array>();
            for (int i = 0; i < arguments.size(); i++) {
                var type = loaded.program().params().get(i).type();
                var host = memory.allocate(Math.max(1, type.byteSize()), 64);
                host.asSlice(0, type.byteSize()).copyFrom(MemorySegment.ofArray(arguments.get(i)));
                arrays.add(Array.copyOf(type, host, cpu));
            }
            return loaded.executable(cpu).run(arrays).stream()
                    .map(result -> {
                        var host = memory.allocate(Math.max(1, result.type().byteSize()), 64);
                        result.buffer().download(host);
                        return host.asSlice(0, result.type().byteSize()).toArray(JAVA_BYTE);
                    })
                    .toList();
        }
    }

    /**
     * Runs a program on a mesh.
     *
     * @param arguments for each device its parts, row-major
     * @return for each device its parts of the results, row-major
     */
    List<List<byte[]>> runOnMesh(Loaded loaded, Placement placement, List<List<byte[]>> arguments) {
        var params = loaded.program().params();
        var wholes = IntStream.range(0, params.size())
                .mapToObj(i -> new MeshParts(
                                placement.mesh(),
                                params.get(i).type(),
                                placement.parameters().get(i))
                        .joined(arguments.stream().map(parts -> parts.get(i)).toList()))
                .toList();
        var results = whole(loaded, wholes);
        var cut = IntStream.range(0, results.size())
                .mapToObj(k -> new MeshParts(
                                placement.mesh(),
                                loaded.program().results().get(k).type(),
                                placement.results().get(k))
                        .cut(results.get(k)))
                .toList();
        return IntStream.range(0, placement.mesh().devices())
                .mapToObj(device -> cut.stream().map(parts -> parts.get(device)).toList())
                .toList();
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
            var options = args.bytes("compile_options", args.number("compile_options_size"));
            if (topology.devices.isEmpty()) {
                throw new Failure(PjrtStatus.INVALID_ARGUMENT, "a topology without devices");
            }
            args.put("executable", add(new Compiled(module(args), options)));
        });
    }

    @Override
    public void close() {
        queue.shutdown();
        queue.close();
        super.close();
    }
}
