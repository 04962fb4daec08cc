package io.coda4j.coder.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Buffer;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What becomes of the two kinds of products of a quantised model: with INT8 matrices, and with the BF16 matrix of its head. */
class PrecisionTest {
    private static final Function<List<Tensor>, List<Tensor>> MODEL = in -> {
        var prim = new Primitive.QuantizedLinear(Primitive.Activations.KEPT);
        var states = Tensor.apply(prim, in.get(0), in.get(1), in.get(2)).getFirst();
        return List.of(states.matmul(in.get(3).transpose(1, 0)));
    };

    private static Program traced(Precision precision, boolean fastBf16) {
        return Trace.of(
                "model",
                in -> precision.of(MODEL, new Processor(fastBf16)).apply(in),
                List.of(
                        TensorType.f32(3, 8),
                        TensorType.of(DType.I8, 4, 8),
                        TensorType.f32(4),
                        TensorType.of(DType.BF16, 5, 4)));
    }

    private static String products(Program program) {
        return program.body().stream()
                .map(equation -> {
                    if (equation.prim() instanceof Primitive.QuantizedLinear linear) {
                        return "linear " + linear.activations();
                    }
                    return equation.prim() instanceof Primitive.Dot
                            ? "dot " + equation.in().getFirst().type().dtype()
                            : "";
                })
                .filter(text -> !text.isEmpty())
                .collect(Collectors.joining(", "));
    }

    @ParameterizedTest
    @CsvSource({
        "F32, false, 'linear KEPT, dot f32'",
        "F32, true, 'linear KEPT, dot f32'",
        "BF16, false, 'linear KEPT, dot bf16'",
        "BF16, true, 'linear KEPT, dot bf16'",
        "INT8, false, 'linear QUANTIZED, dot f32'",
        "INT8, true, 'linear QUANTIZED, dot bf16'",
    })
    void operandsAreRounded(Precision precision, boolean fastBf16, String expected) {
        assertEquals(expected, products(traced(precision, fastBf16)));
    }

    /** A device of which only one property is asked for. */
    private record Processor(boolean hasFastBf16) implements Device {
        @Override
        public String name() {
            return "test";
        }

        @Override
        public String description() {
            return "test";
        }

        @Override
        public Executable compile(Program program, Layout layout) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Buffer upload(TensorType type, MemorySegment host) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void close() {}
    }
}
