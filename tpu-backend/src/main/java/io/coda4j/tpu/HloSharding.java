package io.coda4j.tpu;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Mesh;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * How the places of values on a mesh are written, in the notation of one partitioner.
 *
 * <p>Both notations list the devices of the mesh in order, its last axis fastest. Shardy names the mesh axis that splits
 * each axis of a value. GSPMD lists the number of parts of each axis, and which device has which part as a transposed
 * range: {@code devices=[4,1,2]<=[4,2] last_tile_dim_replicate} is 4 parts of the first axis, each on 2 devices.
 */
record HloSharding(Mesh mesh, Partitioner partitioner) {
    /** The module's line that defines the mesh, or nothing. */
    String meshLine() {
        return switch (partitioner) {
            case SHARDY ->
                mesh.axes().entrySet().stream()
                        .map(axis -> HloText.quoted(axis.getKey()) + "=" + axis.getValue())
                        .collect(Collectors.joining(", ", "  sdy.mesh @mesh = <[", "]>\n"));
            case GSPMD -> "";
        };
    }

    /** The attribute of an argument or result split along {@code axes}. */
    String attribute(List<String> axes) {
        return switch (partitioner) {
            case SHARDY -> "sdy.sharding = #sdy.sharding" + shardy(axes);
            case GSPMD -> "mhlo.sharding = " + HloText.quoted(gspmd(axes));
        };
    }

    /** {@code x}, to be split along {@code axes} from here on. */
    HloValue constrain(HloBody body, HloValue x, List<String> axes) {
        check(mesh, x, axes);
        return switch (partitioner) {
            case SHARDY ->
                body.define(
                        "sdy.",
                        "sharding_constraint",
                        " " + x.name() + " " + shardy(axes) + " : " + HloText.type(x.type()),
                        x.type());
            case GSPMD ->
                body.define(
                        "custom_call",
                        " @Sharding(" + x.name() + ") {backend_config = \"\", mhlo.sharding = "
                                + HloText.quoted(gspmd(axes)) + "} : " + HloBody.signature(List.of(x), x.type()),
                        x.type());
        };
    }

    private static void check(Mesh mesh, HloValue x, List<String> axes) {
        mesh.impossibleBecause(x.type(), axes).ifPresent(reason -> {
            throw new DeviceException(note(x.type(), axes) + ": " + reason);
        });
    }

    static DeviceException withoutMesh(TensorType type, List<String> axes) {
        return new DeviceException(
                note(type, axes) + " needs a mesh; print the program with one, or trace it without sharding");
    }

    private static String note(TensorType type, List<String> axes) {
        return "stablehlo: sharding" + axes + " of a value " + type;
    }

    private static String shardy(List<String> axes) {
        return axes.stream()
                .map(cut -> Mesh.named(cut).stream().map(HloText::quoted).collect(Collectors.joining(", ", "{", "}")))
                .collect(Collectors.joining(", ", "<@mesh, [", "]>"));
    }

    private String gspmd(List<String> axes) {
        var names = List.copyOf(mesh.axes().keySet());
        var tiles = axes.stream().map(mesh::parts).collect(Collectors.toCollection(ArrayList::new));
        var order = new ArrayList<Integer>();
        axes.stream()
                .flatMap(cut -> Mesh.named(cut).stream())
                .map(names::indexOf)
                .forEach(order::add);
        int copies = mesh.devices() / tiles.stream().reduce(1, Math::multiplyExact);
        if (copies == mesh.devices()) {
            return "{replicated}";
        }
        IntStream.range(0, names.size()).filter(i -> !order.contains(i)).forEach(order::add);
        if (copies > 1) {
            tiles.add(copies);
        }
        return "{devices=" + numbers(tiles) + "<=" + range(order) + (copies > 1 ? " last_tile_dim_replicate" : "")
                + "}";
    }

    /** The devices 0..n-1, seen as the mesh and transposed to {@code order}. */
    private String range(List<Integer> order) {
        boolean inOrder = order.equals(IntStream.range(0, order.size()).boxed().toList());
        return inOrder
                ? "[" + mesh.devices() + "]"
                : numbers(List.copyOf(mesh.axes().values())) + "T"
                        + numbers(order).replace('[', '(').replace(']', ')');
    }

    private static String numbers(List<Integer> numbers) {
        return numbers.stream().map(String::valueOf).collect(Collectors.joining(",", "[", "]"));
    }
}
