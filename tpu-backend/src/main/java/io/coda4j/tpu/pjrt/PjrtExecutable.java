package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.ADDRESS;

import java.io.Serializable;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.util.SequencedMap;

/** A compiled program and what its compiler knows of it; it may be for devices that are not here. */
@SuppressWarnings("restricted")
final class PjrtExecutable implements AutoCloseable {
    /**
     * Bytes on each device.
     *
     * @param code of the machine code
     * @param arguments all parameters
     * @param results all results, those in storage of donated parameters included
     * @param aliased results in storage of donated parameters
     * @param temporaries everything in between
     * @param peak the most that is in use at one time, 0 where the plugin does not say
     */
    record Memory(long code, long arguments, long results, long aliased, long temporaries, long peak)
            implements Serializable {}

    /**
     * A program as its compiler left it.
     *
     * @param format such as {@code hlo_with_config} or {@code mlir}
     */
    record Optimized(String format, byte[] code) {}

    private final PjrtOwner owner;
    private final PjrtHandle handle;

    PjrtExecutable(PjrtOwner owner, MemorySegment address) {
        this.owner = owner;
        this.handle = owner.own(PjrtHandle.Kind.EXECUTABLE, address);
    }

    private PjrtCall call(String function) {
        return owner.call(function, "executable", handle::address);
    }

    /** The name of the module. */
    String name() {
        try (var call = call("Executable_Name")) {
            return call.invoke().text("executable_name");
        }
    }

    int outputs() {
        try (var call = call("Executable_NumOutputs")) {
            return Math.toIntExact(call.invoke().number("num_outputs"));
        }
    }

    int partitions() {
        try (var call = call("Executable_NumPartitions")) {
            return Math.toIntExact(call.invoke().number("num_partitions"));
        }
    }

    Memory memory() {
        try (var call = call("Executable_GetCompiledMemoryStats")) {
            call.invoke();
            return new Memory(
                    call.number("generated_code_size_in_bytes"),
                    call.number("argument_size_in_bytes"),
                    call.number("output_size_in_bytes"),
                    call.number("alias_size_in_bytes"),
                    call.number("temp_size_in_bytes"),
                    call.number("peak_memory_in_bytes"));
        }
    }

    /** What a run is estimated to cost, by name: {@code flops}, {@code bytes accessed} and more. */
    SequencedMap<String, PjrtAttribute> cost() {
        try (var call = call("Executable_GetCostAnalysis")) {
            call.invoke();
            return PjrtAttribute.read(call.address("properties"), call.number("num_properties"));
        }
    }

    /** What distinguishes it from other programs, for as long as the compiler stays the same. */
    String fingerprint() {
        try (var call = call("Executable_Fingerprint")) {
            return call.invoke().text("executable_fingerprint");
        }
    }

    /** The program after all that the compiler did to it. */
    Optimized optimized() {
        try (var call = call("Executable_OptimizedProgram")) {
            // The first call says how much room is needed, the second fills it.
            var program = StructView.allocate("Program", call.arena());
            call.put("program", program);
            call.invoke();
            long size = program.number("code_size");
            program.put("code", call.arena().allocate(Math.max(1, size)));
            call.invoke();
            return new Optimized(program.text("format"), program.bytes("code", size));
        }
    }

    /** A form from which {@link PjrtClient#load} makes it again, with the same plugin. */
    byte[] serialize() {
        try (var call = call("Executable_Serialize")) {
            call.invoke();
            var bytes = call.bytes("serialized_bytes", call.number("serialized_bytes_size"));
            delete(call.address("serialized_executable_deleter"), call.address("serialized_executable"));
            return bytes;
        }
    }

    /** Calls a deleter: {@code void f(T*)}. */
    private static void delete(MemorySegment deleter, MemorySegment object) {
        if (deleter.address() == 0) {
            return;
        }
        try {
            Linker.nativeLinker()
                    .downcallHandle(deleter, FunctionDescriptor.ofVoid(ADDRESS))
                    .invokeExact(object);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a native function has no exceptions", e);
        }
    }

    @Override
    public void close() {
        handle.close();
    }
}
