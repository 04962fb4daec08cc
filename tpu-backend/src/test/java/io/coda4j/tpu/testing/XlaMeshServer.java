package io.coda4j.tpu.testing;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Runs StableHLO text on several virtual devices of XLA's CPU client inside TensorFlow's native library.
 *
 * <p>The library has no C interface for that, so this calls C++ symbols by the Itanium ABI on x86-64: an object result is
 * written where the first argument points, an object argument is passed as a pointer to it, a span or string view is two
 * words, and a {@code StatusOr} is a word, 1 if all is well, followed by the value. Names and layouts are those of
 * TensorFlow 2.21. Nothing that XLA hands over is given back: the process lives as long as one class of tests.
 *
 * <p>It reads requests from standard input and writes answers to standard output; see {@link XlaMesh}.
 */
@SuppressWarnings("restricted")
final class XlaMeshServer {
    private static final MemoryLayout SPAN = MemoryLayout.structLayout(ADDRESS, JAVA_LONG);
    private static final MemoryLayout STRING_VIEW = MemoryLayout.structLayout(JAVA_LONG, ADDRESS);
    /** Too large for registers, so that it is copied onto the stack. */
    private static final MemoryLayout OPTIONAL_SPAN = MemoryLayout.structLayout(ADDRESS, JAVA_LONG, JAVA_LONG);

    static final byte COMPILE = 0;
    static final byte RUN = 1;

    private static final long OK = 1;
    /** Offsets in a {@code std::vector}: its first element and the end of its last; its size. */
    private static final long VECTOR_END = 8;

    private static final long VECTOR_SIZE = 24;

    private final Arena arena = Arena.global();
    private final SymbolLookup library;
    private final Map<String, MethodHandle> handles = new HashMap<>();
    private final MemorySegment client;
    private final List<MemorySegment> memories = new ArrayList<>();
    private final List<MemorySegment> executables = new ArrayList<>();
    private final MemorySegment keepsNothing;

    private XlaMeshServer(Path folder, int devices) {
        var framework = SymbolLookup.libraryLookup(folder.resolve("libtensorflow_framework.so.2"), arena);
        library = SymbolLookup.libraryLookup(folder.resolve("libtensorflow_cc.so.2"), arena)
                .or(framework);
        keepsNothing = keepsNothing();
        client = client(devices);
        var all = span(client);
        for (int i = 0; i < devices; i++) {
            memories.add(value(
                    "default memory", "_ZNK3xla13PjRtCpuDevice20default_memory_spaceEv", all.getAtIndex(ADDRESS, i)));
        }
    }

    /** The arguments are the folder with TensorFlow's libraries and the number of devices. */
    public static void main(String[] args) throws IOException {
        XlaServer.serve(new XlaMeshServer(Path.of(args[0]), Integer.parseInt(args[1]))::answer);
    }

    /** Reads one request, and answers whether it went well, with the results or what went wrong. */
    private void answer(DataInputStream in, DataOutputStream out) throws IOException {
        byte request = in.readByte();
        try {
            switch (request) {
                case COMPILE -> {
                    var module = in.readNBytes(in.readInt());
                    executables.add(compile(module, in.readNBytes(in.readInt())));
                    out.writeBoolean(true);
                    out.writeInt(executables.size() - 1);
                }
                case RUN -> run(in, out);
                default -> throw new IllegalStateException("request " + request);
            }
        } catch (IllegalArgumentException e) {
            out.writeBoolean(false);
            var message = String.valueOf(e.getMessage());
            out.writeUTF(message.substring(0, Math.min(message.length(), 8000)));
        }
    }

    /** Number of the program, number of devices, arguments' types and values device by device; answers the results. */
    private void run(DataInputStream in, DataOutputStream out) throws IOException {
        var executable = executables.get(in.readInt());
        int devices = in.readInt();
        var types = XlaServer.readTypes(in);
        var values = new ArrayList<List<byte[]>>();
        for (int d = 0; d < devices; d++) {
            var ofDevice = new ArrayList<byte[]>();
            for (var type : types) {
                ofDevice.add(in.readNBytes(Math.toIntExact(type.byteSize())));
            }
            values.add(ofDevice);
        }
        var results = execute(executable, types, values);
        out.writeBoolean(true);
        out.writeInt(results.getFirst().size());
        for (var ofDevice : results) {
            for (var bytes : ofDevice) {
                out.writeInt(bytes.length);
                out.write(bytes);
            }
        }
    }

    private MemorySegment client(int devices) {
        // bool asynchronous; optional<int> devices, its value and whether there is one; int computations in flight.
        var options = bytes(0x100);
        options.set(JAVA_BYTE, 0, (byte) 1);
        options.set(JAVA_INT, 4, devices);
        options.set(JAVA_BYTE, 8, (byte) 1);
        options.set(JAVA_INT, 12, 32);
        return value("client", "_ZN3xla19GetXlaPjrtCpuClientENS_16CpuClientOptionsE", options);
    }

    /** The client's devices, an array of pointers. */
    private MemorySegment span(MemorySegment of) {
        var name = "_ZNK3xla13PjRtCpuClient19addressable_devicesEv";
        var handle = handle(name, FunctionDescriptor.of(SPAN, ADDRESS));
        try {
            var span = (MemorySegment) handle.invokeExact((SegmentAllocator) arena, of);
            return span.get(ADDRESS, 0).reinterpret(8 * span.get(JAVA_LONG, 8));
        } catch (Throwable e) {
            throw new IllegalStateException(name + " failed", e);
        }
    }

    /** {@code wire} is a message {@code xla.CompileOptionsProto}. */
    private MemorySegment compile(byte[] module, byte[] wire) {
        var context = bytes(256);
        call("_ZN4mlir11MLIRContextC1ENS0_9ThreadingE", context, 1);
        var text = bytes(module.length + 1);
        MemorySegment.copy(module, 0, text, JAVA_BYTE, 0, module.length);
        var view = arena.allocate(STRING_VIEW);
        view.set(JAVA_LONG, 0, module.length);
        view.set(ADDRESS, 8, text);
        var operation = value(
                "module",
                "_ZN3xla21ParseMlirModuleStringESt17basic_string_viewIcSt11char_traitsIcEERN4mlir11MLIRContextE",
                new ByValue(view, STRING_VIEW),
                context);
        var options = message("_ZN3xla19CompileOptionsProtoC1EPN6google8protobuf5ArenaE", wire);
        var parsed =
                status("options", "_ZN3xla14CompileOptions9FromProtoERKNS_19CompileOptionsProtoE", 1 << 16, options);
        return value(
                "compilation",
                "_ZN3xla13PjRtCpuClient14CompileAndLoadEN4mlir8ModuleOpENS_14CompileOptionsE",
                client,
                operation,
                parsed.asSlice(8));
    }

    private List<List<byte[]>> execute(MemorySegment executable, List<TensorType> types, List<List<byte[]>> values) {
        int devices = values.size();
        var lists = bytes(VECTOR_SIZE * devices);
        for (int d = 0; d < devices; d++) {
            var buffers = bytes(8L * Math.max(1, types.size()));
            for (int i = 0; i < types.size(); i++) {
                buffers.setAtIndex(
                        ADDRESS, i, upload(types.get(i), values.get(d).get(i), memories.get(d)));
            }
            var end = MemorySegment.ofAddress(buffers.address() + 8L * types.size());
            lists.set(ADDRESS, VECTOR_SIZE * d, buffers);
            lists.set(ADDRESS, VECTOR_SIZE * d + VECTOR_END, end);
            lists.set(ADDRESS, VECTOR_SIZE * d + 2 * VECTOR_END, end);
        }
        var wire = new Wire();
        // Arguments are not a tuple; launch_id; execution_mode: in the background.
        wire.number(2, 1).number(4, 1).number(6, 1);
        var options = message("_ZN3xla19ExecuteOptionsProtoC1EPN6google8protobuf5ArenaE", wire.bytes());
        var parsed = status(
                "execute options", "_ZN3xla14ExecuteOptions9FromProtoERKNS_19ExecuteOptionsProtoE", 1 << 13, options);
        var results = value(
                "execution",
                "_ZNK3xla23PjRtCpuLoadedExecutable7ExecuteEN4absl12lts_202508144SpanIKSt6vectorIPNS_10PjRtBufferESaIS6_EE"
                        + "EERKNS_14ExecuteOptionsERSt8optionalIS4_IN3tsl6FutureIvEESaISH_EEE",
                executable,
                new ByValue(spanOf(lists, devices), SPAN),
                parsed.asSlice(8),
                bytes(64));
        return IntStream.range(0, devices)
                .mapToObj(d -> downloads(results.reinterpret(VECTOR_SIZE * devices), VECTOR_SIZE * d))
                .toList();
    }

    private List<byte[]> downloads(MemorySegment vectors, long at) {
        long begin = vectors.get(JAVA_LONG, at);
        int count = (int) ((vectors.get(JAVA_LONG, at + VECTOR_END) - begin) / 8);
        var buffers = MemorySegment.ofAddress(begin).reinterpret(8L * count);
        return IntStream.range(0, count)
                .mapToObj(k -> download(buffers.getAtIndex(ADDRESS, k)))
                .toList();
    }

    private byte[] download(MemorySegment buffer) {
        var literal = value("result", "_ZN3xla10PjRtBuffer13ToLiteralSyncEv", buffer);
        var index = bytes(64);
        long size = (long) result("_ZNK3xla11LiteralBase10size_bytesERKNS_10ShapeIndexE", JAVA_LONG, literal, index);
        var data = (MemorySegment)
                result("_ZNK3xla11LiteralBase12untyped_dataERKNS_10ShapeIndexE", ADDRESS, literal, index);
        return data.reinterpret(size).toArray(JAVA_BYTE);
    }

    private MemorySegment upload(TensorType type, byte[] value, MemorySegment memory) {
        var data = bytes(Math.max(1, value.length));
        MemorySegment.copy(value, 0, data, JAVA_BYTE, 0, value.length);
        var dims = bytes(8L * Math.max(1, type.rank()));
        for (int i = 0; i < type.rank(); i++) {
            dims.setAtIndex(JAVA_LONG, i, type.dim(i));
        }
        // A function object that holds nothing and does nothing when the data is no longer needed.
        var done = bytes(32);
        done.set(ADDRESS, 16, keepsNothing);
        return value(
                "argument",
                "_ZN3xla16CommonPjRtClient20BufferFromHostBufferEPKvNS_13PrimitiveTypeEN4absl12lts_202508144SpanIKlEESt8"
                        + "optionalIS8_ENS_10PjRtClient19HostBufferSemanticsENS5_12AnyInvocableIFvvOEEEPNS_15PjRtMemory"
                        + "SpaceEPKNS_6LayoutE",
                client,
                data,
                number(type.dtype()),
                new ByValue(spanOf(dims, type.rank()), SPAN),
                new ByValue(arena.allocate(OPTIONAL_SPAN), OPTIONAL_SPAN),
                // The data is copied during the call.
                0,
                done,
                memory,
                MemorySegment.NULL);
    }

    /** xla.PrimitiveType. */
    private static int number(DType dtype) {
        return switch (dtype) {
            case BOOL -> 1;
            case I8 -> 2;
            case I32 -> 4;
            case F16 -> 10;
            case F32 -> 11;
            case F64 -> 12;
            case BF16 -> 16;
        };
    }

    /** xla.CompileOptionsProto for one replica in {@code devices} partitions. */
    static byte[] compileOptions(int devices, boolean shardy) {
        var assignment = new Wire().number(1, 1).number(2, devices);
        for (int d = 0; d < devices; d++) {
            assignment.message(3, new Wire().number(1, d));
        }
        var build = new Wire()
                .number(1, -1)
                .number(4, 1)
                .number(5, devices)
                .number(6, 1)
                .message(9, assignment)
                .number(19, shardy ? 1 : 0);
        return new Wire().message(3, build).bytes();
    }

    /** Protocol buffers, as far as they are needed here. */
    private static final class Wire {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Wire number(int field, long value) {
            varint((long) field << 3);
            varint(value);
            return this;
        }

        Wire message(int field, Wire message) {
            varint((long) field << 3 | 2);
            varint(message.out.size());
            out.writeBytes(message.bytes());
            return this;
        }

        private void varint(long value) {
            long rest = value;
            for (; (rest & ~0x7fL) != 0; rest >>>= 7) {
                out.write((int) (rest & 0x7f | 0x80));
            }
            out.write((int) rest);
        }

        byte[] bytes() {
            return out.toByteArray();
        }
    }

    private MemorySegment message(String constructor, byte[] wire) {
        var message = bytes(4096);
        call(constructor, message, MemorySegment.NULL);
        var copy = bytes(wire.length);
        MemorySegment.copy(wire, 0, copy, JAVA_BYTE, 0, wire.length);
        var parse = "_ZN6google8protobuf11MessageLite14ParseFromArrayEPKvi";
        if (!(boolean) result(parse, JAVA_BOOLEAN, message, copy, wire.length)) {
            throw new IllegalArgumentException("the options cannot be parsed");
        }
        return message;
    }

    private MemorySegment bytes(long size) {
        return arena.allocate(size, 64);
    }

    private MemorySegment spanOf(MemorySegment first, long count) {
        var span = arena.allocate(SPAN);
        span.set(ADDRESS, 0, first);
        span.set(JAVA_LONG, 8, count);
        return span;
    }

    /** An argument of a small plain struct, copied into the call. */
    private record ByValue(MemorySegment struct, MemoryLayout layout) {}

    /** The pointer in the {@code StatusOr} that a function gives. */
    private MemorySegment value(String what, String function, Object... arguments) {
        return status(what, function, 64, arguments).get(ADDRESS, 8);
    }

    /** The {@code StatusOr} of at most {@code size} bytes that a function gives; fails with its message if it is bad. */
    private MemorySegment status(String what, String function, long size, Object... arguments) {
        var status = bytes(size);
        var all = new ArrayList<>(List.of(arguments));
        all.addFirst(status);
        call(function, all.toArray());
        if (status.get(JAVA_LONG, 0) != OK) {
            var text = bytes(64);
            call("_ZNK4absl12lts_202508146Status8ToStringB5cxx11ENS0_18StatusToStringModeE", text, status, 1);
            throw new IllegalArgumentException(what + ": "
                    + new String(text.get(ADDRESS, 0)
                            .reinterpret(text.get(JAVA_LONG, 8))
                            .toArray(JAVA_BYTE)));
        }
        return status;
    }

    private void call(String function, Object... arguments) {
        invoke(function, null, arguments);
    }

    private Object result(String function, MemoryLayout result, Object... arguments) {
        return invoke(function, result, arguments);
    }

    private Object invoke(String function, @Nullable MemoryLayout result, Object... arguments) {
        var layouts = new MemoryLayout[arguments.length];
        var plain = new Object[arguments.length];
        for (int i = 0; i < arguments.length; i++) {
            layouts[i] = switch (arguments[i]) {
                case MemorySegment _ -> ADDRESS;
                case Integer _ -> JAVA_INT;
                case ByValue(var _, var layout) -> layout;
                default -> throw new IllegalArgumentException("no C++ type for " + arguments[i]);
            };
            plain[i] = arguments[i] instanceof ByValue(var struct, var _) ? struct : arguments[i];
        }
        var handle = handle(
                function, result == null ? FunctionDescriptor.ofVoid(layouts) : FunctionDescriptor.of(result, layouts));
        try {
            return handle.invokeWithArguments(plain);
        } catch (Throwable e) {
            throw new IllegalStateException(function + " failed", e);
        }
    }

    private MethodHandle handle(String function, FunctionDescriptor descriptor) {
        return handles.computeIfAbsent(
                function, _ -> Linker.nativeLinker().downcallHandle(library.findOrThrow(function), descriptor));
    }

    private static void keepNothing(int operation, MemorySegment from, MemorySegment to) {
        // Moving or destroying nothing.
    }

    private MemorySegment keepsNothing() {
        var type = MethodType.methodType(void.class, int.class, MemorySegment.class, MemorySegment.class);
        try {
            var handle = MethodHandles.lookup().findStatic(XlaMeshServer.class, "keepNothing", type);
            var descriptor = FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS, ADDRESS);
            return Linker.nativeLinker().upcallStub(handle, descriptor, arena);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }
}
