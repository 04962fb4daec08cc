package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coda4j.tensor.DeviceException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * The functions of one plugin, by name: {@code PJRT_Api} in native memory. It is as long as the plugin says, so newer
 * plugins have functions that {@link CApi} does not name, and older ones lack some that it does.
 */
@SuppressWarnings("restricted")
final class PjrtApi {
    /** {@code PJRT_Error* f(Args*)}; the function's address comes first. */
    private static final MethodHandle CALL =
            Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(ADDRESS, ADDRESS));

    /** {@code void f(Args*)}. */
    private static final MethodHandle CALL_VOID =
            Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(ADDRESS));

    private final String name;
    private final MemorySegment api;

    private PjrtApi(String name, MemorySegment api) {
        this.name = name;
        this.api = api;
    }

    /**
     * The functions at an address.
     *
     * @param name of the plugin, for messages
     * @throws DeviceException if the version is one whose functions have other places
     */
    static PjrtApi at(String name, MemorySegment address) {
        if (address.address() == 0) {
            throw new DeviceException(name + ": GetPjrtApi returned no table of functions");
        }
        long size = address.reinterpret(Long.BYTES).get(JAVA_LONG, 0);
        var api = new PjrtApi(name, address.reinterpret(size));
        if (size < CApi.struct("Error_Destroy").slot()) {
            throw new DeviceException(name + ": its PJRT_Api has " + size + " bytes, too few for a version");
        }
        if (api.major() != CApi.MAJOR || api.minor() < CApi.LEAST_MINOR) {
            throw new DeviceException(name + " speaks version " + api.version() + " of the PJRT C API; expected "
                    + CApi.MAJOR + "." + CApi.LEAST_MINOR + " or newer with the same major number. Install a "
                    + (api.major() > CApi.MAJOR ? "plugin of major version " + CApi.MAJOR : "newer plugin"));
        }
        return api;
    }

    String name() {
        return name;
    }

    int major() {
        return api.get(JAVA_INT, CApi.MAJOR_OFFSET);
    }

    int minor() {
        return api.get(JAVA_INT, CApi.MINOR_OFFSET);
    }

    String version() {
        return major() + "." + minor();
    }

    /** Where a function is, or null if this plugin has none. */
    private @Nullable MemorySegment function(String function) {
        int slot = CApi.struct(function).slot();
        if (slot < 0) {
            throw new IllegalArgumentException("PJRT_" + function + " is no function");
        }
        if (slot + ADDRESS.byteSize() > api.byteSize()) {
            return null;
        }
        var address = api.get(ADDRESS, slot);
        return address.address() == 0 ? null : address;
    }

    /** Whether the plugin has a function. */
    boolean has(String function) {
        return function(function) != null;
    }

    /** A call of a function, with arguments that are all zero. */
    PjrtCall call(String function) {
        return new PjrtCall(this, function, () -> {});
    }

    /** Calls a function with an {@code Args} structure; see {@link PjrtCall#invoke}. */
    void invoke(String function, MemorySegment args) {
        var address = function(function);
        if (address == null) {
            throw new PjrtException(
                    what(function),
                    PjrtStatus.UNIMPLEMENTED,
                    "version " + version() + " of the plugin does not have it; install a newer one");
        }
        try {
            var error = (MemorySegment) CALL.invokeExact(address, args);
            if (error.address() != 0) {
                throw exception(what(function), error);
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a native function has no exceptions", e);
        }
    }

    private String what(String function) {
        return name + ": PJRT_" + function;
    }

    /** An error as an exception; the error is destroyed. */
    PjrtException exception(String what, MemorySegment error) {
        try (var arena = Arena.ofConfined()) {
            var message = StructView.allocate("Error_Message", arena).put("error", error);
            invokeVoid("Error_Message", message.memory());
            return new PjrtException(what, status(error, arena), message.text("message"));
        } finally {
            destroy(error);
        }
    }

    private PjrtStatus status(MemorySegment error, Arena arena) {
        var address = function("Error_GetCode");
        var code = StructView.allocate("Error_GetCode", arena).put("error", error);
        if (address == null) {
            return PjrtStatus.UNKNOWN;
        }
        try {
            var second = (MemorySegment) CALL.invokeExact(address, code.memory());
            if (second.address() != 0) {
                destroy(second);
                return PjrtStatus.UNKNOWN;
            }
            return PjrtStatus.of(code.intNumber("code"));
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a native function has no exceptions", e);
        }
    }

    private void destroy(MemorySegment error) {
        try (var arena = Arena.ofConfined()) {
            invokeVoid(
                    "Error_Destroy",
                    StructView.allocate("Error_Destroy", arena)
                            .put("error", error)
                            .memory());
        }
    }

    /** The two functions on errors that return nothing. */
    private void invokeVoid(String function, MemorySegment args) {
        var address = function(function);
        if (address == null) {
            throw new DeviceException(name + ": the plugin has no PJRT_" + function + ", which every plugin must have");
        }
        try {
            CALL_VOID.invokeExact(address, args);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a native function has no exceptions", e);
        }
    }
}
