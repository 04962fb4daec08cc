package io.coda4j.nn;

import io.coda4j.tensor.Primitive.Note;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.spi.Mesh;
import java.util.List;

/**
 * How a pass over the layers is staged: what it keeps and where it lies on a mesh, never what it computes.
 *
 * @param checkpoint whether the backward pass computes each layer again from its input instead of keeping the values in
 *     between
 * @param activations the split of the hidden states [B,T,D] between layers, see {@link io.coda4j.tensor.spi.Mesh}; empty
 *     where the pass runs on one device or its device may choose
 */
public record Staging(boolean checkpoint, List<String> activations) {
    /** Keeps everything; for one device. */
    public static final Staging PLAIN = new Staging(false, List.of());

    /** Keeps each layer's input; for one device. */
    public static final Staging CHECKPOINTED = new Staging(true, List.of());

    /** A staging with an immutable copy of the names. */
    public Staging {
        activations = List.copyOf(activations);
        if (!activations.isEmpty() && activations.size() != 3) {
            throw new IllegalArgumentException("staging: hidden states have the three axes [B,T,D], got the mesh axes "
                    + activations + "; give one, or \"\", for each");
        }
    }

    /** This staging with the rows of the hidden states split along {@code meshAxis}. */
    public Staging splittingRows(String meshAxis) {
        return new Staging(checkpoint, List.of(meshAxis, "", ""));
    }

    /** This staging with the rows of the hidden states split like the batch's; see {@link ModelSharding#rowAxis}. */
    public Staging on(Mesh mesh) {
        var axis = ModelSharding.rowAxis(mesh);
        return axis.isEmpty() ? this : splittingRows(axis);
    }

    /** Hidden states x[B,T,D], to be placed as this staging says; their cotangent is placed alike. */
    public Tensor place(Tensor x) {
        return activations.isEmpty() ? x : x.annotate(new Note.Sharding(activations));
    }
}
