package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.testing.Requirement;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class MachineKernelsTest {
    private static final String EVERYTHING =
            Arrays.stream(CpuFeature.values()).map(CpuFeature::toString).collect(Collectors.joining(","));

    @Test
    void vectorSwitchesThemOff() {
        var kernels = MachineKernels.choose("vector", "");
        assertEquals(Optional.empty(), kernels.bf16());
        assertEquals(Optional.empty(), kernels.int8());
        for (var state : all(kernels)) {
            assertEquals(Optional.of("switched off by -Dcoda.kernels=vector"), state.unusedBecause());
        }
    }

    @Test
    void whatIsMaskedIsNotUsed() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        var kernels = MachineKernels.choose("auto", EVERYTHING);
        assertEquals(Optional.empty(), kernels.bf16());
        assertEquals(Optional.empty(), kernels.int8());
        for (var feature : kernels.features()) {
            var reason = feature.unusedBecause().orElseThrow();
            assertTrue(reason.startsWith("masked by") || reason.startsWith("not in this"), reason);
        }
        for (var kernel : all(kernels)) {
            var reason = kernel.unusedBecause().orElseThrow();
            assertTrue(reason.matches("(amx_tile|avx512f|avx_vnni|avx2): .+"), kernel::toString);
        }
    }

    private static List<MachineKernels.State> all(MachineKernels kernels) {
        return Stream.of(kernels.bf16Kernels(), kernels.int8Kernels())
                .flatMap(List::stream)
                .toList();
    }

    /** Every processor with AVX2 multiplies INT8 by machine code, whatever else it lacks. */
    @Test
    void int8FallsBackToAvx2() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        Requirement.require("avx2", CpuFeatures.of(new NativeProcessor(), "").unusableBecause(CpuFeature.AVX2));
        var kernels = MachineKernels.choose("auto", "amx_tile,avx512f,avx_vnni");
        assertEquals("avx2_int8", kernels.int8().orElseThrow().name());
    }

    @Test
    void x86IsAnErrorWhereNothingCanBeUsed() {
        var error = assertThrows(DeviceException.class, () -> MachineKernels.choose("x86", EVERYTHING));
        var message = String.valueOf(error.getMessage());
        assertTrue(message.startsWith("-Dcoda.kernels=x86: no kernel of machine code can be used here: "), message);
        assertTrue(message.endsWith("use -Dcoda.kernels=auto"), message);
    }

    @Test
    void otherChoicesAreRefused() {
        var error = assertThrows(DeviceException.class, () -> MachineKernels.choose("fast", ""));
        assertEquals("-Dcoda.kernels=fast: expected auto, vector or x86", error.getMessage());
    }

    /** At most one kernel is used, and each other one says why it is not. */
    @Test
    void everyKernelThatIsNotUsedSaysWhy() {
        var kernels = MachineKernels.choose("auto", "");
        var used = kernels.bf16Kernels().stream()
                .filter(state -> state.unusedBecause().isEmpty())
                .map(MachineKernels.State::name)
                .toList();
        assertEquals(kernels.bf16().stream().map(PanelProduct::name).toList(), used);
        var int8 = kernels.int8Kernels().stream()
                .filter(state -> state.unusedBecause().isEmpty())
                .map(MachineKernels.State::name)
                .toList();
        assertEquals(kernels.int8().stream().map(PanelProduct::name).toList(), int8);
    }
}
