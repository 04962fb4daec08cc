package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.ADDRESS;

import io.coda4j.tensor.DeviceException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A library with a compiler and a runtime behind the PJRT C API. Once loaded it stays until the process ends. */
@SuppressWarnings("restricted")
final class PjrtPlugin {
    private static final Map<Path, PjrtPlugin> LOADED = new HashMap<>();

    private final PjrtApi api;
    private final PjrtOwner owner;

    private PjrtPlugin(PjrtApi api) {
        this.api = api;
        this.owner = new PjrtOwner(api.name(), api);
    }

    /**
     * The plugin in a file.
     *
     * @throws DeviceException if there is no such file, it is no PJRT plugin, or its version is not one we know
     */
    static PjrtPlugin load(Path library) {
        if (!Files.isRegularFile(library)) {
            throw new DeviceException("there is no PJRT plugin at " + library);
        }
        synchronized (LOADED) {
            var real = real(library);
            var known = LOADED.get(real);
            if (known == null) {
                known = at(library.getFileName().toString(), api(library));
                LOADED.put(real, known);
            }
            return known;
        }
    }

    /** The file that {@code library} is, or is a link to. */
    static Path real(Path library) {
        try {
            return library.toRealPath();
        } catch (IOException _) {
            return library.toAbsolutePath();
        }
    }

    private static MemorySegment api(Path library) {
        try {
            var getApi = open(library)
                    .find("GetPjrtApi")
                    .orElseThrow(() ->
                            new DeviceException(library + " is no PJRT plugin: it exports no function GetPjrtApi"));
            return (MemorySegment) Linker.nativeLinker()
                    .downcallHandle(getApi, FunctionDescriptor.of(ADDRESS))
                    .invokeExact();
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new IllegalStateException("a native function has no exceptions", e);
        }
    }

    private static SymbolLookup open(Path library) {
        try {
            return SymbolLookup.libraryLookup(library, Arena.global());
        } catch (IllegalArgumentException e) {
            throw new DeviceException(library + " cannot be loaded: " + loaderMessage(library, e), e);
        }
    }

    /** What the system's loader says, which the lookup above keeps to itself, without the file's name in front of it. */
    private static String loaderMessage(Path library, IllegalArgumentException otherwise) {
        var name = library.toAbsolutePath().toString();
        try {
            System.load(name);
            return String.valueOf(otherwise.getMessage());
        } catch (UnsatisfiedLinkError e) {
            return String.valueOf(e.getMessage()).replace(name + ": ", "");
        }
    }

    /**
     * The plugin whose functions are at an address.
     *
     * @param name for messages
     * @throws DeviceException if its version is not one we know, or it cannot be initialised
     */
    static PjrtPlugin at(String name, MemorySegment address) {
        var plugin = new PjrtPlugin(PjrtApi.at(name, address));
        if (plugin.api.has("Plugin_Initialize")) {
            try (var call = plugin.api.call("Plugin_Initialize")) {
                call.invoke();
            }
        }
        return plugin;
    }

    String name() {
        return api.name();
    }

    /** The version of the C API, such as {@code 0.104}. */
    String apiVersion() {
        return api.version();
    }

    /** What the plugin says of itself, such as the versions of StableHLO it reads. */
    SequencedMap<String, PjrtAttribute> attributes() {
        try (var call = api.call("Plugin_Attributes")) {
            call.invoke();
            return PjrtAttribute.read(call.address("attributes"), call.number("num_attributes"));
        }
    }

    /** Begins to use the devices; see {@link PjrtClient#create}. */
    PjrtClient client(Map<String, PjrtAttribute> options, @Nullable KeyValueStore store) {
        return PjrtClient.create(api, options, store);
    }

    /**
     * Devices that need not be here.
     *
     * @param topology such as {@code v4:2x2x1}
     * @throws PjrtException if the plugin knows no such devices
     */
    PjrtTopology topology(String topology, Map<String, PjrtAttribute> options) {
        try (var call = owner.call("TopologyDescription_Create")) {
            call.putText("topology_name", topology, call.arena())
                    .put("create_options", PjrtAttribute.array(options, call.arena()))
                    .put("num_options", (long) options.size());
            return new PjrtTopology(owner, call.invoke().address("topology"));
        }
    }

    /** Objects of one kind that belong to no client and were not destroyed. */
    long live(PjrtHandle.Kind kind) {
        return owner.live(kind);
    }
}
