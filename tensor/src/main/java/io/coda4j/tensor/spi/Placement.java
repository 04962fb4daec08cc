package io.coda4j.tensor.spi;

import io.coda4j.tensor.Program;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.List;

/**
 * How the arguments and results of a program lie on a mesh.
 *
 * @param parameters the split of each parameter; see {@link Mesh}
 * @param results the split of each result
 */
public record Placement(Mesh mesh, List<List<String>> parameters, List<List<String>> results) {
    /** A placement with immutable copies of the lists. */
    public Placement {
        parameters = parameters.stream().map(List::copyOf).toList();
        results = results.stream().map(List::copyOf).toList();
    }

    /** Every parameter and result of {@code program} whole on every device of {@code mesh}. */
    public static Placement replicated(Mesh mesh, Program program) {
        return new Placement(
                mesh,
                program.params().stream().map(param -> whole(param.type())).toList(),
                program.results().stream().map(result -> whole(result.type())).toList());
    }

    /** The split of a value of {@code type} that is whole on every device. */
    public static List<String> whole(TensorType type) {
        return java.util.Collections.nCopies(type.rank(), "");
    }

    /**
     * Checks that {@code program} can be placed so.
     *
     * @return this
     * @throws IllegalArgumentException naming the value if the numbers of values or axes differ, the mesh has no such
     *     axis, a mesh axis splits a value twice, or does not divide what it splits
     */
    public Placement check(Program program) {
        check(program.name() + ": parameter", program.params(), parameters);
        check(program.name() + ": result", program.results(), results);
        return this;
    }

    private void check(String what, List<? extends Tensor> values, List<List<String>> places) {
        if (values.size() != places.size()) {
            throw new IllegalArgumentException(
                    "placement: " + what + "s: the program has " + values.size() + ", the placement " + places.size());
        }
        for (int i = 0; i < places.size(); i++) {
            check(mesh, what + " " + i, values.get(i).type(), places.get(i));
        }
    }

    /**
     * Checks one value.
     *
     * @param what names the value in the message
     * @throws IllegalArgumentException if {@code type} cannot be split into equal parts so
     */
    public static void check(Mesh mesh, String what, TensorType type, List<String> split) {
        mesh.impossibleBecause(type, split)
                .or(() -> mesh.unevenBecause(type, split))
                .ifPresent(reason -> {
                    throw new IllegalArgumentException(
                            "placement: " + what + " " + type + " split as " + split + ": " + reason);
                });
    }

    /** The type of the part of {@code type} that one device holds. */
    public static TensorType part(Mesh mesh, TensorType type, List<String> split) {
        int[] dims = type.shape().dims();
        for (int i = 0; i < dims.length; i++) {
            dims[i] = Math.ceilDiv(dims[i], mesh.parts(split.get(i)));
        }
        return TensorType.of(type.dtype(), dims);
    }
}
