package io.coda4j.tpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.DType;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;

class HloTextProperties {
    /** MLIR reads a decimal as a double and rounds that to the element type; bits it takes as they are. */
    @Property
    void everyF32IsReadBackAsItWas(@ForAll int bits) {
        float value = Float.intBitsToFloat(bits);
        var literal = HloText.literal(DType.F32, value);
        float read = literal.startsWith("0x")
                ? Float.intBitsToFloat(Integer.parseUnsignedInt(literal.substring(2), 16))
                : (float) Double.parseDouble(literal);
        assertEquals(Float.floatToIntBits(value), Float.floatToIntBits(read), literal);
    }
}
