package io.coda4j.tpu.pjrt;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;

/** A compiled program that can run on devices of a client. */
final class PjrtLoadedExecutable implements AutoCloseable {
    /**
     * A run that was begun.
     *
     * @param results for each device, the results; an error of the run shows when one is used
     * @param ends for each device, when it has finished
     */
    record Run(List<List<PjrtBuffer>> results, List<PjrtEvent> ends) {}

    private final PjrtOwner owner;
    private final PjrtHandle handle;

    PjrtLoadedExecutable(PjrtOwner owner, MemorySegment address) {
        this.owner = owner;
        this.handle = owner.own(PjrtHandle.Kind.LOADED_EXECUTABLE, address);
    }

    /** What the compiler knows of it; to be closed on its own. */
    PjrtExecutable executable() {
        try (var call = owner.call("LoadedExecutable_GetExecutable")) {
            call.put("loaded_executable", handle.address());
            return new PjrtExecutable(owner, call.invoke().address("executable"));
        }
    }

    /** The devices of this process that it runs on, in the order of arguments and results. */
    List<PjrtAccelerator> devices() {
        try (var call = owner.call("LoadedExecutable_AddressableDevices")) {
            call.put("executable", handle.address());
            return call.invoke().addresses("addressable_devices").stream()
                    .map(address -> new PjrtAccelerator(owner, address))
                    .toList();
        }
    }

    /**
     * Begins a run, without events for its end.
     *
     * @param arguments for each device of {@link #devices}, one buffer per parameter
     * @param outputs the number of results
     * @param donated the parameters whose buffers the run consumes, of those that the program marks so; the buffers must
     *     be closed all the same
     */
    List<List<PjrtBuffer>> execute(List<List<PjrtBuffer>> arguments, int outputs, Set<Integer> donated) {
        return execute(arguments, outputs, donated, MemorySegment.NULL);
    }

    /** As {@link #execute}, with an event per device. */
    Run run(List<List<PjrtBuffer>> arguments, int outputs, Set<Integer> donated) {
        try (var arena = Arena.ofConfined()) {
            var events = arena.allocate(ADDRESS, arguments.size());
            var results = execute(arguments, outputs, donated, events);
            var ends = IntStream.range(0, arguments.size())
                    .mapToObj(i -> new PjrtEvent(owner, events.getAtIndex(ADDRESS, i), running(i, arguments.size())))
                    .toList();
            return new Run(results, ends);
        }
    }

    private static String running(int device, int devices) {
        return "running a program" + (devices == 1 ? "" : " on device " + device + " of " + devices);
    }

    private List<List<PjrtBuffer>> execute(
            List<List<PjrtBuffer>> arguments, int outputs, Set<Integer> donated, MemorySegment events) {
        try (var call = owner.call("LoadedExecutable_Execute")) {
            int devices = arguments.size();
            int parameters = arguments.getFirst().size();
            var arena = call.arena();
            var outputLists = outputLists(devices, outputs, arena);
            call.put("executable", handle.address())
                    .put("options", options(parameters, donated, arena))
                    .put("argument_lists", argumentLists(arguments, arena))
                    .put("num_devices", (long) devices)
                    .put("num_args", (long) parameters)
                    .put("output_lists", outputLists)
                    .put("device_complete_events", events);
            call.invoke();
            return results(outputLists, devices, outputs);
        }
    }

    private static StructView options(int parameters, Set<Integer> donated, Arena arena) {
        var kept = IntStream.range(0, parameters)
                .filter(i -> !donated.contains(i))
                .asLongStream()
                .toArray();
        return StructView.allocate("ExecuteOptions", arena)
                .put(
                        "non_donatable_input_indices",
                        kept.length == 0 ? MemorySegment.NULL : arena.allocateFrom(JAVA_LONG, kept))
                .put("num_non_donatable_input_indices", (long) kept.length);
    }

    private static MemorySegment argumentLists(List<List<PjrtBuffer>> arguments, Arena arena) {
        var lists = arena.allocate(ADDRESS, arguments.size());
        for (int device = 0; device < arguments.size(); device++) {
            var list = arguments.get(device);
            var addresses = arena.allocate(ADDRESS, Math.max(1, list.size()));
            for (int i = 0; i < list.size(); i++) {
                addresses.setAtIndex(ADDRESS, i, list.get(i).address());
            }
            lists.setAtIndex(ADDRESS, device, addresses);
        }
        return lists;
    }

    private static MemorySegment outputLists(int devices, int outputs, Arena arena) {
        var lists = arena.allocate(ADDRESS, devices);
        for (int device = 0; device < devices; device++) {
            lists.setAtIndex(ADDRESS, device, arena.allocate(ADDRESS, Math.max(1, outputs)));
        }
        return lists;
    }

    @SuppressWarnings("restricted")
    private List<List<PjrtBuffer>> results(MemorySegment lists, int devices, int outputs) {
        var results = new ArrayList<List<PjrtBuffer>>();
        for (int device = 0; device < devices; device++) {
            var list = lists.getAtIndex(ADDRESS, device).reinterpret(ADDRESS.byteSize() * outputs);
            results.add(IntStream.range(0, outputs)
                    .mapToObj(i -> new PjrtBuffer(owner, list.getAtIndex(ADDRESS, i)))
                    .toList());
        }
        return results;
    }

    @Override
    public void close() {
        handle.close();
    }
}
