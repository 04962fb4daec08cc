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
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * A {@code PJRT_Api} whose functions are Java, strict about what it is given: sizes of structures, addresses of objects,
 * and that each object is destroyed once.
 */
@SuppressWarnings("restricted")
class FakeApi implements AutoCloseable {
    /** What a function does with its arguments; a {@link Failure} becomes an error of the plugin. */
    @FunctionalInterface
    interface Function {
        void call(StructView args) throws Exception;
    }

    /** An error to return. */
    static final class Failure extends RuntimeException {
        private static final long serialVersionUID = 1;

        private final PjrtStatus status;

        Failure(PjrtStatus status, String message) {
            super(message);
            this.status = status;
        }
    }

    private record Failed(PjrtStatus status, byte[] message, Arena arena, MemorySegment text) {}

    private static final MethodType TYPE = MethodType.methodType(MemorySegment.class, MemorySegment.class);

    private final Arena arena = Arena.ofShared();
    private final MemorySegment api;
    private final Map<Long, Object> objects = new HashMap<>();
    private final List<String> violations = Collections.synchronizedList(new ArrayList<>());
    private final Map<String, Integer> calls = new ConcurrentHashMap<>();
    private long nextAddress = 0x1000;

    /** {@code size} is what the table claims to be long. */
    FakeApi(int major, int minor, long size) {
        api = arena.allocate(Math.max(size, 1120), 8);
        api.set(JAVA_LONG, 0, size);
        api.set(JAVA_INT, CApi.MAJOR_OFFSET, major);
        api.set(JAVA_INT, CApi.MINOR_OFFSET, minor);
        define(
                "Error_GetCode",
                args -> args.putInt(
                        "code", get(args, "error", Failed.class).status.ordinal()));
        defineVoid("Error_Message", this::message);
        defineVoid(
                "Error_Destroy",
                args -> destroy(args, "error", Failed.class).arena.close());
    }

    /** Where the table is: what {@code GetPjrtApi} would return. */
    MemorySegment api() {
        return api;
    }

    /** Memory that lasts as long as the plugin. */
    Arena arena() {
        return arena;
    }

    /** Makes {@code PJRT_name} do something. */
    final void define(String name, Function function) {
        stub(name, "answer", TYPE, FunctionDescriptor.of(ADDRESS, ADDRESS), function);
    }

    private void defineVoid(String name, Function function) {
        var type = MethodType.methodType(void.class, MemorySegment.class);
        stub(name, "answerNothing", type, FunctionDescriptor.ofVoid(ADDRESS), function);
    }

    /** Takes a function away, as a plugin that has none. */
    final void undefine(String name) {
        api.set(ADDRESS, CApi.struct(name).slot(), MemorySegment.NULL);
    }

    private void stub(String name, String method, MethodType type, FunctionDescriptor descriptor, Function function) {
        var full = type.insertParameterTypes(0, String.class, Function.class);
        api.set(
                ADDRESS,
                CApi.struct(name).slot(),
                upcall(MethodHandles.insertArguments(find(method, full).bindTo(this), 0, name, function), descriptor));
    }

    private static MethodHandle find(String method, MethodType type) {
        try {
            return MethodHandles.lookup().findVirtual(FakeApi.class, method, type);
        } catch (ReflectiveOperationException e) {
            throw new AssertionError(e);
        }
    }

    final MemorySegment upcall(MethodHandle target, FunctionDescriptor descriptor) {
        return Linker.nativeLinker().upcallStub(target, descriptor, arena);
    }

    private MemorySegment answer(String name, Function function, MemorySegment address) {
        try {
            function.call(arguments(name, address));
            return MemorySegment.NULL;
        } catch (Failure e) {
            return error(e.status, String.valueOf(e.getMessage()));
        } catch (Throwable e) {
            violations.add(name + ": " + e);
            return error(PjrtStatus.INTERNAL, String.valueOf(e.getMessage()));
        }
    }

    private void answerNothing(String name, Function function, MemorySegment address) {
        try {
            function.call(arguments(name, address));
        } catch (Throwable e) {
            violations.add(name + ": " + e);
        }
    }

    private StructView arguments(String name, MemorySegment address) {
        calls.merge(name, 1, Integer::sum);
        checkSize(name, address);
        return StructView.at(name, address);
    }

    /** A structure that the caller made, which must be as long as we know it. */
    final StructView given(String name, StructView args, String field) {
        checkSize(name, args.address(field));
        return StructView.at(name, args.address(field));
    }

    private static void checkSize(String name, MemorySegment address) {
        var head = address.reinterpret(16);
        int expected = CApi.struct(name).size();
        if (head.get(JAVA_LONG, 0) < expected) {
            throw new Failure(
                    PjrtStatus.INVALID_ARGUMENT,
                    "Unexpected PJRT_" + name + " size: expected " + expected + ", got " + head.get(JAVA_LONG, 0));
        }
        if (head.get(JAVA_LONG, 8) != 0) {
            throw new Failure(PjrtStatus.INVALID_ARGUMENT, "extension_start of PJRT_" + name + " is not null");
        }
    }

    /** A new error. */
    final MemorySegment error(PjrtStatus status, String message) {
        var own = Arena.ofShared();
        var bytes = message.getBytes(StandardCharsets.UTF_8);
        var text = own.allocate(bytes.length + 1L);
        MemorySegment.copy(bytes, 0, text, JAVA_BYTE, 0, bytes.length);
        return add(new Failed(status, bytes, own, text));
    }

    private void message(StructView args) {
        var failed = get(args, "error", Failed.class);
        args.put("message", failed.text).put("message_size", failed.message.length);
    }

    /** Makes an error known as if it came out of a callback, and forgets it: its status and text. */
    final String take(MemorySegment error) {
        var failed = (Failed) objects.remove(error.address());
        var text = failed.status + ": " + new String(failed.message, StandardCharsets.UTF_8);
        failed.arena.close();
        return text;
    }

    /** A new object, at an address that is no memory. */
    final synchronized MemorySegment add(Object object) {
        nextAddress += 16;
        objects.put(nextAddress, object);
        return MemorySegment.ofAddress(nextAddress);
    }

    final <T> T get(StructView args, String field, Class<T> type) {
        return get(args.address(field), type);
    }

    /** The object at an address; anything else there is a violation. */
    final synchronized <T> T get(MemorySegment address, Class<T> type) {
        var object = objects.get(address.address());
        if (!type.isInstance(object)) {
            throw new IllegalStateException("no " + type.getSimpleName() + " at " + address.address() + " but " + object
                    + ": destroyed before, or never made");
        }
        return type.cast(object);
    }

    /** As {@link #get}, and forgets it. */
    final synchronized <T> T destroy(StructView args, String field, Class<T> type) {
        var object = get(args, field, type);
        objects.remove(args.address(field).address());
        return object;
    }

    final synchronized void forget(MemorySegment address) {
        objects.remove(address.address());
    }

    /** How many objects of a type were not destroyed. */
    final synchronized long live(Class<?> type) {
        return objects.values().stream().filter(type::isInstance).count();
    }

    /** All objects that were not destroyed. */
    final synchronized List<Object> live() {
        return List.copyOf(objects.values());
    }

    /** What was done to this plugin that no caller may do. */
    final List<String> violations() {
        return List.copyOf(violations);
    }

    final void violation(String what) {
        violations.add(what);
    }

    /** Names of all functions that were called. */
    final Set<String> called() {
        return Set.copyOf(calls.keySet());
    }

    /** How often a function was called. */
    final int calls(String name) {
        return calls.getOrDefault(name, 0);
    }

    /** A string in memory of the plugin. */
    final void answer(StructView args, String field, String text) {
        args.putText(field, text, arena);
    }

    @Override
    public void close() {
        arena.close();
    }
}
