package io.coda4j.tpu.pjrt;

import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.stream.LongStream;

/**
 * How XLA compiles a program: message {@code xla.CompileOptionsProto}.
 *
 * @param replicas copies of the program that run side by side, each with arguments of its own
 * @param partitions devices that share one copy
 * @param devices ids of the devices, replica by replica and in each partition by partition
 * @param flags options of the compiler by name, such as {@code xla_tpu_...}; values are strings, integers, doubles or
 *     booleans, as {@link PjrtAttribute}
 */
record CompileOptions(int replicas, int partitions, List<Long> devices, SequencedMap<String, PjrtAttribute> flags) {
    // Numbers of fields: xla/pjrt/proto/compile_options.proto and xla/xla_data.proto.
    private static final int EXECUTABLE_BUILD_OPTIONS = 3;
    private static final int ENV_OPTION_OVERRIDES = 7;
    private static final int DEVICE_ORDINAL = 1;
    private static final int NUM_REPLICAS = 4;
    private static final int NUM_PARTITIONS = 5;
    private static final int USE_SPMD_PARTITIONING = 6;
    private static final int DEVICE_ASSIGNMENT = 9;
    private static final int USE_SHARDY_PARTITIONER = 19;

    /** Options for as many devices as there are ids. */
    CompileOptions {
        if (replicas < 1 || partitions < 1 || (long) replicas * partitions != devices.size()) {
            throw new IllegalArgumentException("compile options: " + replicas + " replicas of " + partitions
                    + " partitions need as many devices, got " + devices);
        }
        devices = List.copyOf(devices);
    }

    /** One copy of the program on one device. */
    static CompileOptions onDevice(long id) {
        return new CompileOptions(1, 1, List.of(id), new TreeMap<>());
    }

    /** One program over the devices with ids 0 to {@code count - 1}. */
    static CompileOptions partitioned(int count) {
        return partitioned(LongStream.range(0, count).boxed().toList());
    }

    /** One program over the devices with these ids, in the order of the mesh. */
    static CompileOptions partitioned(List<Long> ids) {
        return new CompileOptions(1, ids.size(), ids, new TreeMap<>());
    }

    /** The message. */
    byte[] toBytes() {
        // Ordinal 0, which leaving the field out means, would name a device beside the assignment.
        var build = new ProtoWriter()
                .number(DEVICE_ORDINAL, -1)
                .number(NUM_REPLICAS, replicas)
                .number(NUM_PARTITIONS, partitions)
                .flag(USE_SPMD_PARTITIONING, true)
                .message(DEVICE_ASSIGNMENT, assignment())
                .flag(USE_SHARDY_PARTITIONER, true);
        var options = new ProtoWriter().message(EXECUTABLE_BUILD_OPTIONS, build);
        flags.forEach((name, value) -> options.message(
                ENV_OPTION_OVERRIDES, new ProtoWriter().text(1, name).message(2, override(name, value))));
        return options.toBytes();
    }

    /** One list per partition, of the device of each replica. */
    private ProtoWriter assignment() {
        var assignment = new ProtoWriter().number(1, replicas).number(2, partitions);
        for (int partition = 0; partition < partitions; partition++) {
            var ids = new ProtoWriter();
            for (int replica = 0; replica < replicas; replica++) {
                ids.number(1, devices.get(replica * partitions + partition));
            }
            assignment.message(3, ids);
        }
        return assignment;
    }

    private static ProtoWriter override(String name, PjrtAttribute value) {
        return switch (value) {
            case PjrtAttribute.Text(var text) -> new ProtoWriter().text(1, text);
            case PjrtAttribute.Flag(boolean flag) -> new ProtoWriter().flag(2, flag);
            case PjrtAttribute.Whole(long number) -> new ProtoWriter().number(3, number);
            case PjrtAttribute.Real(float real) -> new ProtoWriter().real(4, real);
            case PjrtAttribute.Wholes _ ->
                throw new IllegalArgumentException("compile options: flag " + name + " cannot be a list");
        };
    }
}
