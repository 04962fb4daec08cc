package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.spi.Collective;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Compiles one program for devices that are not here, in a process of its own: plugins read variables of the
 * environment when they are loaded, and end the process where they find a mistake of their own.
 */
final class AotWorker {
    private AotWorker() {}

    /** The arguments are the file with an {@link AotRequest}, and the file to write an {@link AotAnswer} or {@link AotFailure} to. */
    public static void main(String[] args) throws IOException, ClassNotFoundException {
        AotRequest request;
        try (var in = new ObjectInputStream(new BufferedInputStream(Files.newInputStream(Path.of(args[0]))))) {
            request = (AotRequest) in.readObject();
        }
        var answer = answerOrFailure(request);
        try (var out = new ObjectOutputStream(new BufferedOutputStream(Files.newOutputStream(Path.of(args[1]))))) {
            out.writeObject(answer);
        }
        // Threads of the plugin may still run.
        Runtime.getRuntime().halt(0);
    }

    private static Serializable answerOrFailure(AotRequest request) {
        try {
            return answer(request);
        } catch (DeviceException e) {
            return new AotFailure(message(e));
        }
    }

    private static AotAnswer answer(AotRequest request) {
        var plugin = PjrtPlugin.load(Path.of(request.library()));
        try (var topology = topology(plugin, request)) {
            var devices = topology.devices();
            var platform = topology.platformName() + " " + topology.platformVersion();
            AotAnswer.Compiled compiled = null;
            AotAnswer.Refusal refusal = null;
            if (request.module() != null) {
                long start = System.nanoTime();
                try {
                    compiled = compile(topology, request, devices, start);
                } catch (PjrtException e) {
                    refusal = new AotAnswer.Refusal(e.status(), message(e), seconds(start));
                }
            }
            return new AotAnswer(plugin.apiVersion(), plugin.attributes(), platform, devices, compiled, refusal);
        } catch (PjrtException e) {
            return refused(plugin, e);
        }
    }

    private static AotAnswer refused(PjrtPlugin plugin, PjrtException e) {
        var refusal = new AotAnswer.Refusal(e.status(), message(e), 0);
        return new AotAnswer(plugin.apiVersion(), plugin.attributes(), "", List.of(), null, refusal);
    }

    private static String message(DeviceException e) {
        return String.valueOf(e.getMessage());
    }

    private static PjrtTopology topology(PjrtPlugin plugin, AotRequest request) {
        PjrtException last = null;
        for (var options : request.options()) {
            try {
                return plugin.topology(request.topology(), options);
            } catch (PjrtException e) {
                last = e;
            }
        }
        throw Objects.requireNonNull(last, "no options to try");
    }

    private static AotAnswer.Compiled compile(
            PjrtTopology topology, AotRequest request, List<PjrtDeviceDescription> devices, long start) {
        var options = new CompileOptions(1, devices.size(), meshOrder(devices), new TreeMap<>(request.flags()));
        try (var executable = topology.compile(Objects.requireNonNull(request.module()), options)) {
            double seconds = seconds(start);
            var optimized = executable.optimized();
            return new AotAnswer.Compiled(
                    seconds, executable.memory(), new LinkedHashMap<>(cost(executable)), collectives(optimized));
        }
    }

    /**
     * The devices of a mesh in order, by coordinates of which the last turns fastest. Any order is correct; in that of
     * the ids libtpu makes a sum over all devices of what it could gather along the axes of the slice.
     */
    static List<Long> meshOrder(List<PjrtDeviceDescription> devices) {
        return devices.stream()
                .sorted(Comparator.comparing(AotWorker::coordinates, AotWorker::compare)
                        .thenComparing(PjrtDeviceDescription::id))
                .map(device -> (long) device.id())
                .toList();
    }

    private static List<Long> coordinates(PjrtDeviceDescription device) {
        return device.attributes().get("coords") instanceof PjrtAttribute.Wholes(var values) ? values : List.of();
    }

    private static int compare(List<Long> a, List<Long> b) {
        return Arrays.compare(a.toArray(Long[]::new), b.toArray(Long[]::new));
    }

    private static List<Collective> collectives(PjrtExecutable.Optimized optimized) {
        if (!optimized.format().equals(OptimizedHlo.FORMAT)) {
            throw new DeviceException("the plugin gives optimised programs as " + optimized.format() + ", expected "
                    + OptimizedHlo.FORMAT);
        }
        return new ArrayList<>(OptimizedHlo.collectives(optimized.code()));
    }

    private static Map<String, PjrtAttribute> cost(PjrtExecutable executable) {
        try {
            return executable.cost();
        } catch (PjrtException e) {
            if (e.status() == PjrtStatus.UNIMPLEMENTED) {
                return Map.of();
            }
            throw e;
        }
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) / 1e9;
    }
}
