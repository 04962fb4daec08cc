package io.coda4j.tpu.testing;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Runs StableHLO text on XLA's CPU compiler inside TensorFlow's native library, as the operation {@code XlaCallModule}.
 *
 * <p>A process of its own, because a failed check inside XLA ends the process. It reads requests from standard input and
 * writes answers to standard output; see {@link XlaProcess}.
 */
@SuppressWarnings("restricted")
final class XlaServer {
    /** The version of the module's calling convention, not of TensorFlow. */
    private static final long CALL_MODULE_VERSION = 10;

    static final byte COMPILE = 0;
    static final byte RUN = 1;
    static final byte FREE = 2;

    private static final MemorySegment NULL = MemorySegment.NULL;

    /** A function of the context. XLA compiles it when it first runs. */
    private record Module(
            MemorySegment name,
            MemorySegment graph,
            MemorySegment function,
            List<TensorType> parameters,
            int results) {}

    private final SymbolLookup library;
    private final Map<String, MethodHandle> handles = new HashMap<>();
    private final MemorySegment status;
    private final MemorySegment context;
    private final List<@Nullable Module> modules = new ArrayList<>();

    private XlaServer(Path folder) {
        SymbolLookup.libraryLookup(folder.resolve("libtensorflow_framework.so.2"), Arena.global());
        library = SymbolLookup.libraryLookup(folder.resolve("libtensorflow_cc.so.2"), Arena.global());
        status = address("TF_NewStatus");
        context = address("TFE_NewContext", address("TFE_NewContextOptions"), status);
        check("TFE_NewContext");
    }

    /** The only argument is the folder with TensorFlow's libraries. */
    public static void main(String[] args) throws IOException {
        serve(new XlaServer(Path.of(args[0]))::answer);
    }

    /** Reads one request and writes its answer. */
    interface Answering {
        void answer(DataInputStream in, DataOutputStream out) throws IOException;
    }

    /** Answers requests from standard input on standard output until the tests end. */
    static void serve(Answering server) throws IOException {
        try (var in = new DataInputStream(new BufferedInputStream(System.in));
                var out = new DataOutputStream(new BufferedOutputStream(System.out))) {
            while (true) {
                server.answer(in, out);
                out.flush();
            }
        } catch (EOFException _) {
            // The tests have ended.
        }
    }

    /** Reads one request, and answers whether it went well, with the results or what went wrong. */
    private void answer(DataInputStream in, DataOutputStream out) throws IOException {
        byte request = in.readByte();
        try {
            switch (request) {
                case COMPILE -> {
                    var module = readBytes(in);
                    boolean shardy = in.readBoolean();
                    // A refused module has a number, too.
                    modules.add(null);
                    modules.set(modules.size() - 1, compile(module, shardy, readTypes(in), readTypes(in)));
                    out.writeBoolean(true);
                }
                case RUN -> {
                    var module = Objects.requireNonNull(modules.get(in.readInt()));
                    var values = new ArrayList<byte[]>();
                    for (int i = 0; i < module.parameters.size(); i++) {
                        values.add(readBytes(in));
                    }
                    write(out, execute(module, values));
                }
                case FREE -> {
                    free(Objects.requireNonNull(modules.set(in.readInt(), null)));
                    out.writeBoolean(true);
                }
                default -> throw new IllegalStateException("request " + request);
            }
        } catch (IllegalArgumentException e) {
            out.writeBoolean(false);
            var message = String.valueOf(e.getMessage());
            out.writeUTF(message.substring(0, Math.min(message.length(), 8000)));
        }
    }

    private static void write(DataOutputStream out, List<byte[]> results) throws IOException {
        out.writeBoolean(true);
        out.writeInt(results.size());
        for (var bytes : results) {
            out.writeInt(bytes.length);
            out.write(bytes);
        }
    }

    private static byte[] readBytes(DataInputStream in) throws IOException {
        return in.readNBytes(in.readInt());
    }

    static void writeTypes(DataOutputStream out, List<TensorType> types) throws IOException {
        out.writeInt(types.size());
        for (var type : types) {
            writeType(out, type);
        }
    }

    static List<TensorType> readTypes(DataInputStream in) throws IOException {
        var types = new ArrayList<TensorType>();
        int count = in.readInt();
        for (int i = 0; i < count; i++) {
            types.add(readType(in));
        }
        return types;
    }

    private static void writeType(DataOutputStream out, TensorType type) throws IOException {
        out.writeInt(type.dtype().ordinal());
        out.writeInt(type.rank());
        for (int dim : type.shape().dims()) {
            out.writeInt(dim);
        }
    }

    private static TensorType readType(DataInputStream in) throws IOException {
        var dtype = DType.values()[in.readInt()];
        int[] dims = new int[in.readInt()];
        for (int i = 0; i < dims.length; i++) {
            dims[i] = in.readInt();
        }
        return new TensorType(dtype, Shape.of(dims));
    }

    private Module compile(byte[] text, boolean shardy, List<TensorType> types, List<TensorType> results) {
        try (var arena = Arena.ofConfined()) {
            return compile(arena, text, shardy, types, results);
        }
    }

    private Module compile(
            Arena arena, byte[] module, boolean shardy, List<TensorType> types, List<TensorType> results) {
        var graph = address("TF_NewGraph");
        var inputs = outputs(arena, types.size());
        for (int i = 0; i < types.size(); i++) {
            var node =
                    address("TF_NewOperation", graph, arena.allocateFrom("Placeholder"), arena.allocateFrom("p" + i));
            call(
                    "TF_SetAttrType",
                    node,
                    arena.allocateFrom("dtype"),
                    number(types.get(i).dtype()));
            inputs.set(ADDRESS, 16L * i, address("TF_FinishOperation", node, status));
            check("argument " + i);
        }
        var node = callModule(arena, graph, module, shardy, inputs, types.size(), results);
        var ends = outputs(arena, results.size());
        for (int i = 0; i < results.size(); i++) {
            ends.set(ADDRESS, 16L * i, node);
            ends.set(JAVA_INT, 16L * i + 8, i);
        }
        var name = Arena.global().allocateFrom("module" + modules.size());
        var function = address(
                "TF_GraphToFunction",
                graph,
                name,
                (byte) 0,
                -1,
                NULL,
                types.size(),
                inputs,
                results.size(),
                ends,
                NULL,
                NULL,
                NULL,
                status);
        check("TF_GraphToFunction");
        // An AttrValue with field 5, b, set to true.
        var yes = arena.allocateFrom(JAVA_BYTE, (byte) 0x28, (byte) 1);
        call("TF_FunctionSetAttrValueProto", function, arena.allocateFrom("_XlaMustCompile"), yes, 2L, status);
        call("TFE_ContextAddFunction", context, function, status);
        check("TFE_ContextAddFunction");
        return new Module(name, graph, function, types, results.size());
    }

    private void free(Module module) {
        call("TFE_ContextRemoveFunction", context, module.name, status);
        call("TF_DeleteFunction", module.function);
        call("TF_DeleteGraph", module.graph);
    }

    private MemorySegment callModule(
            Arena arena,
            MemorySegment graph,
            byte[] module,
            boolean shardy,
            MemorySegment inputs,
            int arguments,
            List<TensorType> results) {
        var node = address("TF_NewOperation", graph, arena.allocateFrom("XlaCallModule"), arena.allocateFrom("call"));
        call("TF_AddInputList", node, inputs, arguments);
        call("TF_SetAttrInt", node, arena.allocateFrom("version"), CALL_MODULE_VERSION);
        var text = arena.allocateFrom(JAVA_BYTE, module);
        call("TF_SetAttrString", node, arena.allocateFrom("module"), text, (long) module.length);
        var dims = arena.allocate(ADDRESS, results.size() + 1);
        var ranks = arena.allocate(JAVA_INT, results.size() + 1);
        var dtypes = arena.allocate(JAVA_INT, results.size() + 1);
        for (int i = 0; i < results.size(); i++) {
            dims.setAtIndex(ADDRESS, i, dims(arena, results.get(i)));
            ranks.setAtIndex(JAVA_INT, i, results.get(i).rank());
            dtypes.setAtIndex(JAVA_INT, i, number(results.get(i).dtype()));
        }
        call("TF_SetAttrShapeList", node, arena.allocateFrom("Sout"), dims, ranks, results.size());
        call("TF_SetAttrTypeList", node, arena.allocateFrom("Tout"), dtypes, results.size());
        var platform = arena.allocate(ADDRESS);
        platform.set(ADDRESS, 0, arena.allocateFrom("CPU"));
        call(
                "TF_SetAttrStringList",
                node,
                arena.allocateFrom("platforms"),
                platform,
                arena.allocateFrom(JAVA_LONG, 3),
                1);
        call("TF_SetAttrBool", node, arena.allocateFrom("use_shardy_partitioner"), (byte) (shardy ? 1 : 0));
        var finished = address("TF_FinishOperation", node, status);
        check("XlaCallModule");
        return finished;
    }

    private List<byte[]> execute(Module module, List<byte[]> values) {
        try (var arena = Arena.ofConfined()) {
            return execute(arena, module, values);
        }
    }

    private List<byte[]> execute(Arena arena, Module module, List<byte[]> values) {
        var types = module.parameters;
        int results = module.results;
        var op = address("TFE_NewOp", context, module.name, status);
        check("TFE_NewOp");
        for (int i = 0; i < types.size(); i++) {
            var tensor = tensor(arena, types.get(i), values.get(i));
            var handle = address("TFE_NewTensorHandle", tensor, status);
            call("TFE_OpAddInput", op, handle, status);
            check("argument " + i);
            call("TF_DeleteTensor", tensor);
            call("TFE_DeleteTensorHandle", handle);
        }
        call("TFE_OpSetDevice", op, arena.allocateFrom("/device:CPU:0"), status);
        call("TFE_OpSetAttrBool", op, arena.allocateFrom("_XlaMustCompile"), (byte) 1);
        var handles = arena.allocate(ADDRESS, results + 1);
        call("TFE_Execute", op, handles, arena.allocateFrom(JAVA_INT, results), status);
        call("TFE_DeleteOp", op);
        check("TFE_Execute");
        var answer = new ArrayList<byte[]>();
        for (int i = 0; i < results; i++) {
            var handle = handles.getAtIndex(ADDRESS, i);
            var tensor = address("TFE_TensorHandleResolve", handle, status);
            check("result " + i);
            long bytes = (long) invoke("TF_TensorByteSize", JAVA_LONG, tensor);
            answer.add(address("TF_TensorData", tensor).reinterpret(bytes).toArray(JAVA_BYTE));
            call("TF_DeleteTensor", tensor);
            call("TFE_DeleteTensorHandle", handle);
        }
        return answer;
    }

    private MemorySegment tensor(Arena arena, TensorType type, byte[] value) {
        var tensor =
                address("TF_AllocateTensor", number(type.dtype()), dims(arena, type), type.rank(), (long) value.length);
        address("TF_TensorData", tensor).reinterpret(value.length).copyFrom(MemorySegment.ofArray(value));
        return tensor;
    }

    /** An array of TF_Output, a pointer and an index of 16 bytes together. */
    private static MemorySegment outputs(Arena arena, int count) {
        return arena.allocate(16L * (count + 1), 8);
    }

    private static MemorySegment dims(Arena arena, TensorType type) {
        var dims = arena.allocate(JAVA_LONG, type.rank() + 1);
        for (int i = 0; i < type.rank(); i++) {
            dims.setAtIndex(JAVA_LONG, i, type.dim(i));
        }
        return dims;
    }

    /** TF_DataType. */
    private static int number(DType dtype) {
        return switch (dtype) {
            case F32 -> 1;
            case F64 -> 2;
            case I32 -> 3;
            case I8 -> 6;
            case BOOL -> 10;
            case BF16 -> 14;
            case F16 -> 19;
        };
    }

    private void check(String what) {
        if ((int) invoke("TF_GetCode", JAVA_INT, status) != 0) {
            throw new IllegalArgumentException(what + ": "
                    + address("TF_Message", status).reinterpret(1 << 20).getString(0));
        }
    }

    private MemorySegment address(String function, Object... arguments) {
        return (MemorySegment) invoke(function, ADDRESS, arguments);
    }

    private void call(String function, Object... arguments) {
        invoke(function, null, arguments);
    }

    /** Calls a C function whose parameters are what the arguments are: pointers, int, long or unsigned char. */
    private Object invoke(String function, @Nullable MemoryLayout result, Object... arguments) {
        var handle = handles.computeIfAbsent(function, _ -> {
            var layouts = Arrays.stream(arguments).map(XlaServer::layout).toArray(MemoryLayout[]::new);
            var descriptor =
                    result == null ? FunctionDescriptor.ofVoid(layouts) : FunctionDescriptor.of(result, layouts);
            return Linker.nativeLinker().downcallHandle(library.findOrThrow(function), descriptor);
        });
        try {
            return handle.invokeWithArguments(arguments);
        } catch (Throwable e) {
            throw new IllegalStateException(function + " failed", e);
        }
    }

    private static MemoryLayout layout(Object argument) {
        return switch (argument) {
            case MemorySegment _ -> ADDRESS;
            case Integer _ -> JAVA_INT;
            case Long _ -> JAVA_LONG;
            case Byte _ -> JAVA_BYTE;
            default -> throw new IllegalArgumentException("no C type for " + argument);
        };
    }
}
