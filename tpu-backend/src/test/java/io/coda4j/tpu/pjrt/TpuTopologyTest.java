package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class TpuTopologyTest {
    private static String options(String name) {
        return TpuTopology.parse(name).options().getFirst().toString();
    }

    @Test
    void namesAreThoseThatPluginsKnow() {
        assertEquals("v5:4x4x4", TpuTopology.parse("v5p:4x4x4").name());
        assertEquals("v5e:2x2", TpuTopology.parse("v5e:2x2").name());
        assertEquals("v4:2x2x1", TpuTopology.parse("v4:2x2").name());
    }

    @Test
    void ringsCloseAsInTheCloud() {
        assertEquals("{chips_per_host_bounds=[2, 2, 1], wrap=[1, 1, 1]}", options("v5:4x4x4"));
        assertEquals("{chips_per_host_bounds=[2, 2, 1], wrap=[0, 0, 0]}", options("v5:2x2x2"));
        assertEquals("{chips_per_host_bounds=[2, 2, 1], wrap=[0, 1, 0]}", options("v5e:8x16"));
        assertEquals("{chips_per_host_bounds=[1, 1, 1], wrap=[0, 0, 0]}", options("v6e:1x1"));
        assertEquals(
                "{chips_per_host_bounds=[2, 2, 1], wrap=[1, 1, 1], chip_config_name=megacore}", options("v4:8x8x8"));
        assertEquals(2, TpuTopology.parse("v4:8x8x8").options().size());
    }

    @Test
    void meshesFollowTheAxesOfTheSlice() {
        var devices = IntStream.range(0, 8)
                .mapToObj(id -> new PjrtDeviceDescription(id, 0, "TPU", "", coordinates(id % 2, id / 2 % 2, id / 4)))
                .toList();
        assertEquals(List.of(0L, 4L, 2L, 6L, 1L, 5L, 3L, 7L), AotWorker.meshOrder(devices));
        var unknown = IntStream.of(2, 0, 1)
                .mapToObj(id -> new PjrtDeviceDescription(id, 0, "GPU", "", new TreeMap<>()))
                .toList();
        assertEquals(List.of(0L, 1L, 2L), AotWorker.meshOrder(unknown));
    }

    private static TreeMap<String, PjrtAttribute> coordinates(long x, long y, long z) {
        return new TreeMap<>(Map.of("coords", new PjrtAttribute.Wholes(List.of(x, y, z))));
    }

    @Test
    void otherNamesAreRefusedWithExamples() {
        for (var name :
                List.of("v5", "v5:", "v1:2x2", "v5:4x4x4x4", "v5:axb", "v5e:0x2", "v5:-1x2", "v5:9999x9999x9999")) {
            var error = assertThrows(DeviceException.class, () -> TpuTopology.parse(name));
            assertTrue(error.getMessage().startsWith("topology '" + name + "': "), error::getMessage);
        }
    }
}
