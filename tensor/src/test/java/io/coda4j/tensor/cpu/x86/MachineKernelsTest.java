package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.testing.Requirement;
import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

class MachineKernelsTest {
    private static final String EVERYTHING =
            Arrays.stream(CpuFeature.values()).map(CpuFeature::toString).collect(Collectors.joining(","));

    @Test
    void vectorSwitchesThemOff() {
        var kernels = MachineKernels.choose("vector", "");
        assertEquals(Optional.empty(), kernels.bf16());
        for (var state : kernels.bf16Kernels()) {
            assertEquals(Optional.of("switched off by -Dcoda.kernels=vector"), state.unusedBecause());
        }
    }

    @Test
    void whatIsMaskedIsNotUsed() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        var kernels = MachineKernels.choose("auto", EVERYTHING);
        assertEquals(Optional.empty(), kernels.bf16());
        for (var feature : kernels.features()) {
            var reason = feature.unusedBecause().orElseThrow();
            assertTrue(reason.startsWith("masked by") || reason.startsWith("not in this"), reason);
        }
        for (var kernel : kernels.bf16Kernels()) {
            assertTrue(kernel.unusedBecause().orElseThrow().matches("(amx_tile|avx512f): .+"), kernel::toString);
        }
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
    }
}
