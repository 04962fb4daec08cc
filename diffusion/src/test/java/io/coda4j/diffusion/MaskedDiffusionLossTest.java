package io.coda4j.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.coda4j.autograd.Autograd;
import io.coda4j.autograd.ValueAndGradient;
import io.coda4j.nn.LanguageModel;
import io.coda4j.nn.Staging;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Primitive.Note;
import io.coda4j.tensor.Traced;
import io.coda4j.tensor.Tree;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MaskedDiffusionLossTest {
    private static final int ROWS = 2;
    private static final int LENGTH = 12;
    private static final int VOCABULARY = 24;

    /** What is differentiated: a tree, so that both can be arguments of one program. */
    public record In(LanguageModel model, MaskedBatch batch) {}

    private static LanguageModel model() {
        var random = new Random(7);
        return new TransformerConfig(VOCABULARY, 16, 2, 2, 1, 8, 24, 1e4, 1e-6, false, 0)
                .build(DType.F32, (_, type) -> {
                    var values = new float[(int) type.size()];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) random.nextGaussian() * 0.3f;
                    }
                    return Array.of(type.shape(), values);
                });
    }

    private static NoisedBatch noised() {
        var random = new Random(3);
        var ids = random.ints(ROWS * LENGTH, 1, VOCABULARY - 1).toArray();
        var noisy = ids.clone();
        var masked = new boolean[ids.length];
        for (int i = 0; i < ids.length; i++) {
            masked[i] = random.nextInt(3) == 0;
            noisy[i] = masked[i] ? VOCABULARY - 1 : ids[i];
        }
        return new NoisedBatch(ROWS, LENGTH, noisy, ids, new float[] {0.3f, 0.4f}, masked, masked, 1);
    }

    private static ScoredPositions scored(NoisedBatch batch) {
        return ScoredPositions.of(batch, LossWeighting.INVERSE_SIGMA, true);
    }

    private static ValueAndGradient<LanguageModel> gradients(MaskedDiffusionLoss loss, MaskedBatch batch) {
        return Autograd.valueAndGrad(model -> loss.apply(model, batch).loss(), model());
    }

    private static void same(ValueAndGradient<LanguageModel> expected, ValueAndGradient<LanguageModel> got) {
        assertEquals(((Array) expected.value()).item(), ((Array) got.value()).item(), 1e-5);
        var others = Tree.leaves(got.gradient());
        Tree.leaves(expected.gradient())
                .forEach((path, leaf) -> assertArrayEquals(
                        ((Array) leaf).toFloats(), ((Array) others.get(path)).toFloats(), 1e-5f, path));
    }

    @Test
    void aTableOfEveryPositionGivesWhatTheListOfScoredOnesGives() {
        var batch = noised();
        var segments = new int[ROWS * LENGTH];
        var list = MaskedBatch.of(batch, scored(batch).paddedToMultipleOf(16), segments);
        var table = MaskedBatch.ofEveryPosition(batch, scored(batch).paddedToMultipleOf(16), segments);
        var expected = gradients(new MaskedDiffusionLoss(AttentionMask.FULL, 1000, false), list);
        same(expected, gradients(new MaskedDiffusionLoss(AttentionMask.FULL, 1000, false), table));
        // Five positions of each row at a time, the last two apart.
        same(expected, gradients(new MaskedDiffusionLoss(AttentionMask.FULL, 10, true), table));
        same(expected, gradients(new MaskedDiffusionLoss(AttentionMask.FULL, 5, true), list));
    }

    private static List<Note.Sharding> notes(Staging staging) {
        var batch = noised();
        var table = MaskedBatch.ofEveryPosition(batch, scored(batch), new int[ROWS * LENGTH]);
        var loss = new MaskedDiffusionLoss(AttentionMask.FULL, 12, staging);
        var traced = Traced.of("loss", in -> loss.apply(in.model, in.batch).loss(), new In(model(), table));
        return traced.program().body().stream()
                .map(equation -> equation.prim() instanceof Primitive.Annotate(Note.Sharding note) ? note : null)
                .filter(note -> note != null)
                .toList();
    }

    @Test
    void activationsArePlacedWhereTheStagingSaysSo() {
        assertEquals(List.of(), notes(Staging.PLAIN));
        var note = new Note.Sharding(List.of("fsdp", "", ""));
        // The embedding, two layers, and two chunks before the head.
        assertEquals(List.of(note, note, note, note, note), notes(Staging.PLAIN.splittingRows("fsdp")));
        assertThrows(IllegalArgumentException.class, () -> new Staging(false, List.of("fsdp")));
    }
}
