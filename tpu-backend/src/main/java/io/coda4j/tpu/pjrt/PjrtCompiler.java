package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.spi.AheadOfTime;
import io.coda4j.tensor.spi.Compilation;
import io.coda4j.tensor.spi.MemoryReport;
import io.coda4j.tensor.spi.Placement;
import io.coda4j.tensor.spi.Topology;
import io.coda4j.tpu.StableHlo;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/** Compiles for slices of TPUs with the compiler in their PJRT plugin. */
public final class PjrtCompiler implements AheadOfTime {
    /** An attribute of devices, in bytes. */
    private static final String MEMORY = "device_memory_bytes_limit";

    /** What the compiler says of a program that is too large, such as {@code Used 20.5G of 15.75G hbm}. */
    private static final Pattern USED = Pattern.compile("Used ([0-9.]+)([KMGT]?) of ([0-9.]+)([KMGT]?)B? hbm");

    /** A pass over repeated layers, in which libtpu 0.0.42.1 ends the process on steps of small models. */
    private static final Map<String, PjrtAttribute> FLAGS =
            Map.of("xla_tpu_memory_bound_loop_optimizer_options", new PjrtAttribute.Text("enabled:false"));

    /** Called by {@link java.util.ServiceLoader}. */
    public PjrtCompiler() {}

    @Override
    public Topology topology(String name) {
        var tpus = TpuTopology.parse(name);
        var chip = tpus.generation();
        return new Topology(
                tpus.name(),
                tpus.bounds().stream().reduce(1, Math::multiplyExact),
                chip.flops(),
                chip.memoryBandwidth(),
                chip.linkBandwidth() / 2);
    }

    @Override
    public void requireCompiler(String plugin) {
        library(plugin);
    }

    private static Path library(String plugin) {
        return PjrtPlugins.ofThisProcess().find(plugin.isEmpty() ? PjrtPlugins.Kind.TPU.word() : plugin);
    }

    @Override
    public String text(Program program, Placement placement) {
        return StableHlo.print(program, placement);
    }

    @Override
    public Compilation compile(String text, Topology topology, String plugin, Map<String, String> flags) {
        var library = library(plugin);
        var tpus = TpuTopology.parse(topology.name());
        var request = AotRequest.about(library, tpus.name(), tpus.options()).compiling(text, flags(flags));
        var answer = AotProcess.ask(request);
        if (answer.refusal() != null) {
            return refused(answer, answer.refusal());
        }
        if (answer.devices().size() != topology.devices()) {
            throw new DeviceException(library + " makes " + answer.devices().size() + " devices of " + topology.name()
                    + ", which has " + topology.devices() + " chips; it cannot make one device of each");
        }
        return compiled(answer);
    }

    private static Map<String, PjrtAttribute> flags(Map<String, String> given) {
        var flags = new LinkedHashMap<>(FLAGS);
        given.forEach((name, value) -> flags.put(name, attribute(value)));
        return flags;
    }

    /** Compilers take values of flags in their types: what looks like a number or a boolean is one. */
    private static PjrtAttribute attribute(String value) {
        if (value.equals("true") || value.equals("false")) {
            return new PjrtAttribute.Flag(Boolean.parseBoolean(value));
        }
        return value.matches("-?\\d{1,18}")
                ? new PjrtAttribute.Whole(Long.parseLong(value))
                : new PjrtAttribute.Text(value);
    }

    private static Compilation compiled(AotAnswer answer) {
        var compiled = java.util.Objects.requireNonNull(answer.compiled(), "neither an answer nor a refusal");
        var memory = compiled.memory();
        return new Compilation.Compiled(
                compiler(answer),
                compiled.seconds(),
                new MemoryReport(memory.arguments(), memory.results(), memory.temporaries(), memory.aliased()),
                memory.peak() > 0 ? OptionalLong.of(memory.peak()) : OptionalLong.empty(),
                deviceBytes(answer),
                real(compiled.cost(), "flops"),
                real(compiled.cost(), "bytes accessed"),
                compiled.collectives());
    }

    private static Compilation refused(AotAnswer answer, AotAnswer.Refusal refusal) {
        if (refusal.status() != PjrtStatus.RESOURCE_EXHAUSTED) {
            throw new DeviceException(refusal.message());
        }
        var used = USED.matcher(refusal.message());
        boolean says = used.find();
        return new Compilation.TooLarge(
                compiler(answer),
                refusal.seconds(),
                says ? OptionalLong.of(bytes(used.group(1), used.group(2))) : OptionalLong.empty(),
                says ? OptionalLong.of(bytes(used.group(3), used.group(4))) : deviceBytes(answer),
                refusal.message());
    }

    private static long bytes(String number, String unit) {
        return (long) (Double.parseDouble(number) * Math.pow(1024, unit.isEmpty() ? 0 : "KMGT".indexOf(unit) + 1));
    }

    private static String compiler(AotAnswer answer) {
        return answer.platform().lines().findFirst().orElse("") + ", PJRT C API " + answer.apiVersion();
    }

    private static OptionalLong deviceBytes(AotAnswer answer) {
        return answer.devices().stream()
                .map(device -> device.attributes().get(MEMORY))
                .filter(PjrtAttribute.Whole.class::isInstance)
                .mapToLong(limit -> ((PjrtAttribute.Whole) limit).value())
                .findFirst();
    }

    private static OptionalDouble real(Map<String, PjrtAttribute> cost, String name) {
        return cost.get(name) instanceof PjrtAttribute.Real(float value)
                ? OptionalDouble.of(value)
                : OptionalDouble.empty();
    }
}
