package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.testing.DeviceContract;
import io.coda4j.tensor.testing.OpTable;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

class CpuDeviceTest {
    private static final CpuDevice ONE = CpuDevice.withThreads(1);
    private static final CpuDevice THREE = CpuDevice.withThreads(3);

    @Nested
    class WithOneThread implements DeviceContract {
        @Override
        public Device subject() {
            return ONE;
        }
    }

    @Nested
    class WithThreeThreads implements DeviceContract {
        @Override
        public Device subject() {
            return THREE;
        }
    }

    @Nested
    class Reference implements DeviceContract {
        @Override
        public Device subject() {
            return OpTable.reference();
        }

        @Override
        public List<DType> floats() {
            return List.of(DType.F64);
        }
    }

    @Test
    void resultsDoNotDependOnTheNumberOfThreads() {
        var one = new Eager(ONE);
        var three = new Eager(THREE);
        for (var real : List.of(DType.F32, DType.BF16)) {
            for (var c : OpTable.cases(real)) {
                try (var _ = Scope.open()) {
                    List<Tensor> inputs = List.copyOf(c.inputs(5));
                    var expected = one.apply(c.prim(), inputs);
                    var got = three.apply(c.prim(), inputs);
                    for (int k = 0; k < got.size(); k++) {
                        assertArrayEquals(
                                ((Array) expected.get(k)).toDoubles(), ((Array) got.get(k)).toDoubles(), c.name());
                    }
                }
            }
        }
    }

    @Test
    void refusesFewerThreadsThanOne() {
        var error = assertThrows(IllegalArgumentException.class, () -> CpuDevice.withThreads(0));
        assertTrue(error.getMessage().contains("at least 1, got 0"), error::getMessage);
    }
}
