package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;

/** A {@link KeyValueStore} as functions that a plugin calls. */
@SuppressWarnings("restricted")
final class KeyValueCallbacks implements AutoCloseable {
    private static final Map<Long, KeyValueStore> STORES = new ConcurrentHashMap<>();
    private static final AtomicLong NUMBERS = new AtomicLong();

    /** Memory of values that plugins have not given back, by address. */
    private static final Map<Long, Arena> VALUES = new ConcurrentHashMap<>();

    private static final FunctionDescriptor CALLBACK = FunctionDescriptor.of(ADDRESS, ADDRESS);

    /** {@code PJRT_Error* f(PJRT_Error_Code, const char* message, size_t)}. */
    private static final MethodHandle MAKE_ERROR =
            Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG));

    private static final MemorySegment GET = stub("get", CALLBACK);
    private static final MemorySegment TRY_GET = stub("tryGet", CALLBACK);
    private static final MemorySegment PUT = stub("put", CALLBACK);
    private static final MemorySegment DELETE = stub("delete", FunctionDescriptor.ofVoid(ADDRESS));

    private final long number = NUMBERS.incrementAndGet();

    KeyValueCallbacks(KeyValueStore store) {
        STORES.put(number, store);
    }

    private static MemorySegment stub(String method, FunctionDescriptor descriptor) {
        try {
            var type = descriptor.toMethodType();
            var handle = MethodHandles.lookup()
                    .findStatic(
                            KeyValueCallbacks.class,
                            method,
                            MethodType.methodType(type.returnType(), type.parameterArray()));
            return Linker.nativeLinker().upcallStub(handle, descriptor, Arena.global());
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Writes the functions into the arguments of {@code PJRT_Client_Create}. All three, or a plugin takes none. */
    void putInto(StructView create) {
        var argument = MemorySegment.ofAddress(number);
        create.put("kv_get_callback", GET)
                .put("kv_get_user_arg", argument)
                .put("kv_try_get_callback", TRY_GET)
                .put("kv_try_get_user_arg", argument)
                .put("kv_put_callback", PUT)
                .put("kv_put_user_arg", argument);
    }

    /** Bytes of values that plugins were given and have not given back. */
    static int valuesHeld() {
        return VALUES.size();
    }

    @FunctionalInterface
    private interface Answer {
        void give(KeyValueStore store, StructView args) throws Exception;
    }

    private static MemorySegment get(MemorySegment address) {
        return answer("KeyValueGetCallback", address, (store, args) -> {
            var timeout = Duration.ofMillis(args.intNumber("timeout_in_ms"));
            value(args, store.get(args.text("key"), timeout));
        });
    }

    private static MemorySegment tryGet(MemorySegment address) {
        return answer("KeyValueTryGetCallback", address, (store, args) -> {
            var key = args.text("key");
            value(args, store.tryGet(key).orElseThrow(() -> new KeyNotFoundException(key)));
        });
    }

    private static MemorySegment put(MemorySegment address) {
        return answer(
                "KeyValuePutCallback",
                address,
                (store, args) -> store.put(args.text("key"), args.bytes("value", args.number("value_size"))));
    }

    private static void delete(MemorySegment value) {
        var arena = VALUES.remove(value.address());
        if (arena != null) {
            arena.close();
        }
    }

    private static void value(StructView args, byte[] value) {
        var arena = Arena.ofShared();
        var copy = arena.allocate(value.length + 1L);
        MemorySegment.copy(value, 0, copy, JAVA_BYTE, 0, value.length);
        VALUES.put(copy.address(), arena);
        args.put("value", copy).put("value_size", value.length).put("value_deleter_callback", DELETE);
    }

    private static final class KeyNotFoundException extends Exception {
        private static final long serialVersionUID = 1;

        KeyNotFoundException(String key) {
            super("no process has put " + key);
        }
    }

    /** Nothing may be thrown into a plugin: all failures become its errors. */
    private static MemorySegment answer(String struct, MemorySegment address, Answer answer) {
        // The plugin leaves struct_size unset in these.
        var args = StructView.at(struct, address);
        try {
            var number = args.address("user_arg").address();
            answer.give(Objects.requireNonNull(STORES.get(number), "the client was closed"), args);
            return MemorySegment.NULL;
        } catch (TimeoutException e) {
            return error(args, PjrtStatus.DEADLINE_EXCEEDED, e);
        } catch (KeyNotFoundException e) {
            return error(args, PjrtStatus.NOT_FOUND, e);
        } catch (Throwable e) {
            return error(args, PjrtStatus.INTERNAL, e);
        }
    }

    private static MemorySegment error(StructView args, PjrtStatus status, Throwable cause) {
        try (var arena = Arena.ofConfined()) {
            var message = String.valueOf(cause.getMessage()).getBytes(StandardCharsets.UTF_8);
            var text = arena.allocate(message.length + 1L);
            MemorySegment.copy(message, 0, text, JAVA_BYTE, 0, message.length);
            // A pointer to the pointer to the function.
            var make = args.address("callback_error")
                    .reinterpret(ADDRESS.byteSize())
                    .get(ADDRESS, 0);
            return (MemorySegment) MAKE_ERROR.invokeExact(make, status.ordinal(), text, (long) message.length);
        } catch (Throwable e) {
            throw new IllegalStateException("a native function has no exceptions", e);
        }
    }

    /** Later calls of the plugin get an error. */
    @Override
    public void close() {
        STORES.remove(number);
    }
}
