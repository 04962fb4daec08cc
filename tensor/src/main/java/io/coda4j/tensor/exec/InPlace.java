package io.coda4j.tensor.exec;

import io.coda4j.tensor.Primitive;
import java.util.List;

/** Which operands' storage a result may take over when the operand is not needed afterwards. */
final class InPlace {
    private InPlace() {}

    /**
     * Operands whose storage result {@code result} may reuse. Every kernel of these primitives reads the elements of an
     * index before it writes that index and never reads them again.
     */
    static List<Integer> candidates(Primitive prim, int result) {
        return switch (prim) {
            case Primitive.Unary _, Primitive.Convert _, Primitive.DynamicUpdateSlice _ -> List.of(0);
            case Primitive.Binary _, Primitive.SwiGlu _ -> List.of(0, 1);
            case Primitive.Select _ -> List.of(1, 2);
            case Primitive.AdamW _, Primitive.Adafactor _, Primitive.SwiGluGrad _ -> List.of(result);
            case Primitive.Full _,
                    Primitive.Iota _,
                    Primitive.Compare _,
                    Primitive.Reshape _,
                    Primitive.Transpose _,
                    Primitive.Broadcast _,
                    Primitive.Slice _,
                    Primitive.Pad _,
                    Primitive.Concat _,
                    Primitive.Reduce _,
                    Primitive.Dot _,
                    Primitive.TakeRows _,
                    Primitive.ScatterAddRows _,
                    Primitive.DynamicSlice _,
                    Primitive.Annotate _,
                    Primitive.RmsNorm _,
                    Primitive.RmsNormGrad _,
                    Primitive.Rope _,
                    Primitive.Softmax _,
                    Primitive.Attention _,
                    Primitive.AttentionGrad _,
                    Primitive.CrossEntropy _,
                    Primitive.CrossEntropyGrad _,
                    Primitive.ArgMax _,
                    Primitive.QuantizedLinear _,
                    Primitive.Scan _ -> List.of();
        };
    }
}
