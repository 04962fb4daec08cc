package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;

class AttentionProperties {
    @Property(tries = 150)
    void anySizesMatchNestedLoops(
            @ForAll boolean causal,
            @ForAll boolean narrow,
            @ForAll @IntRange(min = 1, max = 3) int batch,
            @ForAll @IntRange(min = 1, max = 40) int queries,
            @ForAll @IntRange(min = 1, max = 40) int keys,
            @ForAll @IntRange(min = 1, max = 3) int group,
            @ForAll @IntRange(min = 1, max = 2) int keyHeads,
            @ForAll @IntRange(min = 1, max = 40) int size,
            @ForAll @IntRange(min = -10, max = 30) int start,
            @ForAll @IntRange(max = 3) int segments) {
        AttentionTest.check(new AttentionCase(
                narrow ? DType.BF16 : DType.F32,
                causal ? AttentionMask.CAUSAL : AttentionMask.FULL,
                batch,
                queries,
                keys,
                group * keyHeads,
                keyHeads,
                size,
                start,
                segments));
    }
}
