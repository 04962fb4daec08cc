package io.coda4j.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class ArgumentProperties {
    private static final LanguageModel MODEL = new TransformerConfig(8, 4, 2, 2, 1, 2, 6, 1e4, 1e-6, true, 7)
            .build(DType.F32, (_, type) -> Tensor.full(type, 0.5));

    private static Tensor floats(int... dims) {
        return Tensor.full(TensorType.f32(dims), 1);
    }

    private static Tensor integers(int... dims) {
        return Tensor.full(TensorType.of(DType.I32, dims), 1);
    }

    private static void refused(String message, Runnable use) {
        assertEquals(
                message, assertThrows(IllegalArgumentException.class, use::run).getMessage());
    }

    private static View view(int... ids) {
        return View.of(integers(ids), AttentionMask.FULL);
    }

    @Test
    void embeddingsAreTables() {
        refused("embedding: weight must be floating-point [V,D], got f32[4]", () -> new Embedding(floats(4), -1));
        refused(
                "embedding: weight must be floating-point [V,D], got i32[4,2]",
                () -> new Embedding(integers(4, 2), -1));
        for (int row : new int[] {-2, 4}) {
            refused(
                    "embedding: frozen row " + row + " is outside the table of 4; -1 stands for none",
                    () -> new Embedding(floats(4, 2), row));
        }
        refused("embedding: ids must be i32[…], got f32[3]", () -> new Embedding(floats(4, 2), -1).apply(floats(3)));
    }

    @Test
    void linearMapsTakeVectorsOfTheirWidth() {
        refused("linear: weight must be [N,K], got f32[4]", () -> new DenseLinear(floats(4)).apply(floats(4)));
        refused(
                "linear: x for the weight f32[4,3] must be […,3], got f32[2,5]",
                () -> new DenseLinear(floats(4, 3)).apply(floats(2, 5)));
        refused(
                "linear: x for the weight f32[4,3] must be […,3], got f32[]",
                () -> new DenseLinear(floats(4, 3)).apply(floats()));
    }

    @Test
    void attentionTakesRowsOfTokensAndWholeHeads() {
        var attention = MODEL.model().layers().getFirst().selfAttn();
        refused("attention: x must be [B,T,D], got f32[3,4]", () -> attention.apply(floats(3, 4), view(1, 3)));
        var linear = new DenseLinear(floats(5, 4));
        var norm = new RmsNormLayer(floats(2), 1e-6);
        refused(
                "attention: queries must be [B,T,heads*2], got f32[1,3,5]",
                () -> new SelfAttention(linear, linear, linear, linear, norm, norm, 2, 1e4)
                        .apply(floats(1, 3, 4), view(1, 3)));
    }

    @Test
    void viewsAreOfRowsOfTokens() {
        refused("view: ids must be i32[B,T], got f32[1,3]", () -> View.of(floats(1, 3), AttentionMask.FULL));
        refused("view: segments must be i32[B,T], got i32[3]", () -> View.ofSegments(integers(3), AttentionMask.FULL));
        var mask = AttentionMask.FULL;
        refused(
                "cache view: segments must be i32[B,T], got i32[3]",
                () -> new CacheView(integers(), integers(3), integers(1, 5), mask).positions());
        refused(
                "cache view: start must be i32[], got i32[1]",
                () -> new CacheView(integers(1), integers(1, 3), integers(1, 5), mask).positions());
    }

    @Test
    void someColumnsAreThoseOfOneRow() {
        refused(
                "transformer: ids of a pass for some columns must be i32[1,T], got i32[2,3]",
                () -> MODEL.model().apply(integers(2, 3), view(2, 3), integers(1)));
        refused(
                "transformer: columns must be i32[N], got i32[1,1]",
                () -> MODEL.model().apply(integers(1, 3), view(1, 3), integers(1, 1)));
    }

    @Test
    void everyWindowHasACacheOfEveryLayer() {
        var cache = new KvCache(floats(1, 5, 1, 2), floats(1, 5, 1, 2));
        var view = new CacheView(integers(), integers(1, 3), integers(1, 5), AttentionMask.FULL);
        for (int caches : new int[] {1, 3}) {
            refused(
                    "transformer: a window needs one cache for each of 2 layers, got " + caches,
                    () -> MODEL.model().apply(integers(1, 3), view, Collections.nCopies(caches, cache)));
        }
        refused(
                "transformer: each of 2 windows needs its caches, got those of 1",
                () -> MODEL.model().apply(integers(1, 6), List.of(view, view), List.of(List.of(cache, cache))));
        refused(
                "cache: new keys must be a part of f32[1,2,1,2] along axis 1, got f32[1,3,1,2]",
                () -> new KvCache(floats(1, 2, 1, 2), floats(1, 2, 1, 2))
                        .with(floats(1, 3, 1, 2), floats(1, 3, 1, 2), integers()));
        refused(
                "cache: new values must be a part of f32[1,5,1,2] along axis 1, got f32[1,3,2]",
                () -> cache.with(floats(1, 3, 1, 2), floats(1, 3, 2), integers()));
    }

    @Test
    void headsReadRowsOfStates() {
        refused("logits: hidden must be [B,T,D], got f32[3,4]", () -> MODEL.logits(floats(3, 4), integers(1)));
    }

    @Test
    void aTransformerHasLayers() {
        var model = MODEL.model();
        refused(
                "transformer: needs at least one layer, got none",
                () -> new Transformer(model.embedTokens(), List.of(), model.norm()));
    }

    /** Of any shape, whatever is run: the message names the ids, and no index goes astray on the way. */
    @Property(tries = 100)
    void idsThatAreNoRowsAreNamed(@ForAll @IntRange(min = 0, max = 4) int rank, @ForAll long seed) {
        var ids = integers(new Random(seed).ints(rank, 0, 4).toArray());
        if (rank == 2) {
            assertEquals(
                    ids.shape(),
                    MODEL.model()
                            .apply(ids, View.of(ids, AttentionMask.FULL))
                            .shape()
                            .without(List.of(2)));
            return;
        }
        var expected = " ids must be i32[B,T], got " + ids.type();
        refused("view:" + expected, () -> MODEL.apply(ids, AttentionMask.FULL));
        refused("transformer:" + expected, () -> MODEL.model().apply(ids, view(1, 3)));
        refused("transformer:" + expected, () -> MODEL.stacked().model().apply(ids, view(1, 3)));
        refused("transformer:" + expected, () -> MODEL.model().apply(ids, view(1, 3), integers(1)));
    }
}
