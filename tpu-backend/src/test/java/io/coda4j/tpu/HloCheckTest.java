package io.coda4j.tpu;

import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class HloCheckTest {
    private static final String MODULE = """
            module @m attributes {mhlo.num_partitions = 1 : i32} {
              func.func public @main(%arg0: tensor<2xf32>, %arg1: tensor<i1>) -> (tensor<2xf32>) {
                %add0 = stablehlo.add %arg0, %arg0 : tensor<2xf32>
                return %add0 : tensor<2xf32>
              }
            }
            """;

    @Test
    void acceptsWhatIsWellFormed() {
        HloCheck.check(MODULE);
    }

    @Test
    void findsWhatIsNot() {
        refuses("%arg0, %arg0 :", "%arg0, %arg2 :", "%arg2 is not defined");
        refuses("%arg0, %arg0 :", "%add0, %arg0 :", "%add0 is not defined");
        refuses("%arg0, %arg0 :", "%arg1, %arg0 :", "operands of types [tensor<i1>");
        refuses("%arg0 : tensor<2xf32>\n", "%arg0\n", "no types");
        refuses("%arg1: tensor<i1>", "%arg0: tensor<i1>", "%arg0 is defined twice");
        refuses("return %add0 : tensor<2xf32>\n", "\n", "not understood");
        refuses("-> (tensor<2xf32>)", "-> (tensor<2xi32>)", "written [tensor<2xf32>]");
        refuses("  }\n", "\n", "missing [}]");
    }

    private static void refuses(String part, String instead, String message) {
        var bad = MODULE.replace(part, instead);
        var error = assertThrows(AssertionError.class, () -> HloCheck.check(bad), bad);
        assertTrue(error.toString().contains(message), error::toString);
    }
}
