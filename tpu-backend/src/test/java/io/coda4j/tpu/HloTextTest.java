package io.coda4j.tpu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.TensorType;
import java.util.Locale;
import org.junit.jupiter.api.Test;

class HloTextTest {
    @Test
    void typesNameDimensionsThenElements() {
        assertEquals("tensor<2x0x3xbf16>", HloText.type(TensorType.of(DType.BF16, 2, 0, 3)));
        assertEquals("tensor<2xf16>", HloText.type(TensorType.of(DType.F16, 2)));
        assertEquals("tensor<i1>", HloText.type(TensorType.of(DType.BOOL)));
        assertEquals("tensor<7xi32>", HloText.type(TensorType.i32(7)));
        assertEquals("tensor<f64>", HloText.type(TensorType.f64()));
    }

    @Test
    void valuesAreRoundedToTheirType() {
        assertEquals("0.1", HloText.literal(DType.F32, 0.1));
        assertEquals("0.100097656", HloText.literal(DType.BF16, 0.1));
        assertEquals("0.099975586", HloText.literal(DType.F16, 0.1));
        assertEquals("-3", HloText.literal(DType.I32, -3.9));
        assertEquals("true", HloText.literal(DType.BOOL, 0.5));
        assertEquals("-0.0", HloText.literal(DType.F32, -0.0));
        assertEquals("1.0E-6", HloText.literal(DType.F64, 1e-6));
    }

    @Test
    void valuesThatAreNotNormalAreWrittenAsBits() {
        assertEquals("0xFF800000", HloText.literal(DType.F32, Double.NEGATIVE_INFINITY));
        assertEquals("0x7FC00000", HloText.literal(DType.F32, Double.NaN));
        assertEquals("0x00000001", HloText.literal(DType.F32, Float.MIN_VALUE));
        assertEquals("0x7C00", HloText.literal(DType.F16, 65520));
        assertEquals("0x7E00", HloText.literal(DType.F16, Double.NaN));
        assertEquals("0x0001", HloText.literal(DType.F16, 6e-8));
        assertEquals("0x7F80", HloText.literal(DType.BF16, 1e39));
        assertEquals("0x7FC0", HloText.literal(DType.BF16, Double.NaN));
        assertEquals("0xFFF0000000000000", HloText.literal(DType.F64, Double.NEGATIVE_INFINITY));
    }

    @Test
    void shortArraysAreListsAndLongOnesBytes() {
        assertEquals("dense<[[1, 2, 3], [4, 5, 6]]>", HloText.dense(Array.of(Shape.of(2, 3), 1, 2, 3, 4, 5, 6)));
        assertEquals("dense<2.5>", HloText.dense(Array.scalar(2.5f)));
        assertEquals("dense<>", HloText.dense(Array.of(Shape.of(0, 3), new int[0])));
        var many = new int[65];
        many[1] = -2;
        assertEquals(
                "dense<\"0x00000000FEFFFFFF" + "00000000".repeat(63) + "\">",
                HloText.dense(Array.of(Shape.of(65), many)));
        var bits = Array.of(TensorType.of(DType.BOOL, 65), new double[65]);
        assertEquals("dense<[false" + ", false".repeat(64) + "]>", HloText.dense(bits));
    }

    @Test
    void textDoesNotDependOnTheLocale() {
        var before = Locale.getDefault();
        try {
            Locale.setDefault(Locale.forLanguageTag("ar-EG-u-nu-arab"));
            assertEquals("0xFF800000", HloText.literal(DType.F32, Double.NEGATIVE_INFINITY));
            assertEquals("\"\\07\"", HloText.quoted("\u0007"));
        } finally {
            Locale.setDefault(before);
        }
    }

    @Test
    void namesThatAreNoIdentifiersAreQuoted() {
        assertEquals("@train_step", HloText.symbol("train_step"));
        assertEquals("@\"7 \\\"steps\\\"\"", HloText.symbol("7 \"steps\""));
    }
}
