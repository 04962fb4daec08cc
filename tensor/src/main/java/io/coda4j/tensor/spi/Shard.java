package io.coda4j.tensor.spi;

import io.coda4j.tensor.TensorType;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/**
 * The part of a dense row-major value that one device of a mesh holds, dense and row-major itself. Devices whose shards
 * are equal hold the same part.
 *
 * @param whole the type of the value
 * @param type the type of the part
 * @param first the index of the part's first element along each axis of the value
 */
public record Shard(TensorType whole, TensorType type, List<Integer> first) {
    /** A shard with an immutable copy of the indices. */
    public Shard {
        first = List.copyOf(first);
    }

    /**
     * The shards of all devices of a mesh, in their order.
     *
     * @param split see {@link Mesh}
     * @throws IllegalArgumentException if the value cannot be split so into equal parts
     */
    public static List<Shard> all(Mesh mesh, TensorType whole, List<String> split) {
        Placement.check(mesh, "a value", whole, split);
        var type = Placement.part(mesh, whole, split);
        var shards = new ArrayList<Shard>();
        for (int device = 0; device < mesh.devices(); device++) {
            int number = device;
            var first = IntStream.range(0, whole.rank())
                    .mapToObj(axis -> mesh.part(split.get(axis), number) * type.dim(axis))
                    .toList();
            shards.add(new Shard(whole, type, first));
        }
        return shards;
    }

    /** Where in the value the part begins, in bytes, if it is one run of them: it then needs no copy. */
    public OptionalLong contiguousAt() {
        long runs = 1;
        for (int axis = 0; axis < cutAxis(); axis++) {
            runs *= type.dim(axis);
        }
        if (runs != 1) {
            return OptionalLong.empty();
        }
        long[] at = {0};
        walk((_, inWhole, _) -> at[0] = inWhole);
        return OptionalLong.of(at[0]);
    }

    /** Copies this part out of {@code value} into {@code part}. */
    public void cut(MemorySegment value, MemorySegment part) {
        walk((inPart, inWhole, bytes) -> MemorySegment.copy(value, inWhole, part, inPart, bytes));
    }

    /** Copies {@code part} into its place in {@code value}. */
    public void paste(MemorySegment part, MemorySegment value) {
        walk((inPart, inWhole, bytes) -> MemorySegment.copy(part, inPart, value, inWhole, bytes));
    }

    /** Offsets and length in bytes of a run of elements. */
    @FunctionalInterface
    private interface Move {
        void run(long inPart, long inWhole, long bytes);
    }

    /** The last axis that is cut, or 0: what lies behind one of its indices is a run. */
    private int cutAxis() {
        int axis = type.rank() - 1;
        while (axis > 0 && type.dim(axis) == whole.dim(axis)) {
            axis--;
        }
        return Math.max(0, axis);
    }

    private void walk(Move move) {
        int last = cutAxis();
        long behind = type.dtype().bytes();
        for (int axis = last + 1; axis < type.rank(); axis++) {
            behind *= type.dim(axis);
        }
        if (type.rank() == 0) {
            move.run(0, 0, behind);
        } else {
            walk(0, last, 0, 0, behind, move);
        }
    }

    /**
     * Walks over the axes from {@code axis} to {@code last}, at which the runs are.
     *
     * @param inPart number of the place that the indices so far make in the part
     * @param inWhole the same in the value
     * @param behind bytes of the elements behind one index of the last axis
     */
    private void walk(int axis, int last, long inPart, long inWhole, long behind, Move move) {
        long part = inPart * type.dim(axis);
        long value = inWhole * whole.dim(axis) + first.get(axis);
        if (axis == last) {
            move.run(part * behind, value * behind, type.dim(axis) * behind);
            return;
        }
        for (int i = 0; i < type.dim(axis); i++) {
            walk(axis + 1, last, part + i, value + i, behind, move);
        }
    }
}
