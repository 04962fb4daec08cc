package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CpuFeaturesTest {
    private static final int XSAVE = 1 << 27;
    private static final int FMA = 1 << 12;
    private static final int AVX2 = 1 << 5;
    private static final int AVX512F = 1 << 16;
    private static final int AVX512DQ = 1 << 17;
    private static final int AVX512_VNNI = 1 << 11;
    private static final int AMX = 1 << 22 | 1 << 24 | 1 << 25;
    private static final int AVX512_BF16 = 1 << 5;
    private static final int AVX_VNNI = 1 << 4;
    private static final long ALL_STATE = 0x602e7;

    /** A processor that answers from tables and counts who asks for tiles. */
    private static final class Simulated implements Processor {
        final Map<List<Integer>, int[]> leaves;
        final long state;
        final Optional<String> refusal;
        int requests;

        Simulated(Map<List<Integer>, int[]> leaves, long state, Optional<String> refusal) {
            this.leaves = leaves;
            this.state = state;
            this.refusal = refusal;
        }

        @Override
        public int[] cpuid(int leaf, int subleaf) {
            return leaves.getOrDefault(List.of(leaf, subleaf), new int[4]);
        }

        @Override
        public long enabledState() {
            return state;
        }

        @Override
        public Optional<String> requestTiles() {
            requests++;
            return refusal;
        }
    }

    private static Simulated sapphireRapids(long state, Optional<String> refusal) {
        return new Simulated(
                Map.of(
                        List.of(0, 0), new int[] {0x20, 0, 0, 0},
                        List.of(1, 0), new int[] {0, 0, XSAVE | FMA, 0},
                        List.of(7, 0), new int[] {1, AVX2 | AVX512F | AVX512DQ, AVX512_VNNI, AMX},
                        List.of(7, 1), new int[] {AVX512_BF16 | AVX_VNNI, 0, 0, 0},
                        List.of(0x1d, 1), new int[] {0x0400_2000, 0x0008_0040, 16, 0}),
                state,
                refusal);
    }

    private static Set<CpuFeature> usable(CpuFeatures features) {
        var usable = new java.util.TreeSet<>(Arrays.asList(CpuFeature.values()));
        usable.removeAll(features.unusable().keySet());
        return usable;
    }

    @Test
    void everythingIsUsableWhereTheSystemKeepsAllRegisters() {
        var processor = sapphireRapids(ALL_STATE, Optional.empty());
        assertEquals(Map.of(), CpuFeatures.of(processor, "").unusable());
        assertEquals(1, processor.requests);
    }

    @Test
    void aRefusedPermissionIsTheReason() {
        var features = CpuFeatures.of(sapphireRapids(ALL_STATE, Optional.of("Linux refused it")), "");
        assertEquals(Map.of(CpuFeature.AMX_TILE, "Linux refused it"), features.unusable());
    }

    @Test
    void registersThatTheSystemDoesNotKeepAreNotUsed() {
        var withoutTiles = sapphireRapids(0xe7, Optional.empty());
        var features = CpuFeatures.of(withoutTiles, "");
        assertEquals(
                Set.of(
                        CpuFeature.FMA,
                        CpuFeature.AVX2,
                        CpuFeature.AVX512F,
                        CpuFeature.AVX512DQ,
                        CpuFeature.AVX512_BF16,
                        CpuFeature.AVX512_VNNI,
                        CpuFeature.AVX_VNNI),
                usable(features));
        assertEquals(0, withoutTiles.requests, "tiles were asked for in vain");
        assertTrue(features.unusableBecause(CpuFeature.AMX_BF16).orElseThrow().contains("operating system"));
        assertEquals(
                Set.of(CpuFeature.FMA, CpuFeature.AVX2, CpuFeature.AVX_VNNI),
                usable(CpuFeatures.of(sapphireRapids(0x7, Optional.empty()), "")));
        assertEquals(Set.of(), usable(CpuFeatures.of(sapphireRapids(0, Optional.empty()), "")));
    }

    /** Vectors of 256 bits that hold integers are AVX2's, in every kernel that has no wider ones. */
    @Test
    void nothingUsesAvx2WhereItIsNot() {
        var features = CpuFeatures.of(sapphireRapids(ALL_STATE, Optional.empty()), "avx2");
        var reason = Optional.of("avx2: masked by -Dcoda.x86.mask");
        assertEquals(reason, PanelKernel.AVX_VNNI.unusableBecause(features));
        assertEquals(reason, PanelKernel.AVX2_INT8.unusableBecause(features));
        assertEquals(reason, TileKernel.AVX2_F32.unusableBecause(features));
        assertEquals(reason, LoopKernel.LOOPS_AVX2.unusableBecause(features));
        assertEquals(reason, Transposition.unusableBecause(features));
        assertEquals(reason, BlockCopy.unusableBecause(features));
    }

    @Test
    void masksTakeFeaturesAway() {
        var processor = sapphireRapids(ALL_STATE, Optional.empty());
        var features = CpuFeatures.of(processor, "amx_tile, avx512_bf16");
        assertEquals(
                Map.of(
                        CpuFeature.AMX_TILE, "masked by -Dcoda.x86.mask",
                        CpuFeature.AVX512_BF16, "masked by -Dcoda.x86.mask"),
                features.unusable());
        assertEquals(0, processor.requests);
    }

    @Test
    void aWrongMaskIsRefused() {
        var processor = sapphireRapids(ALL_STATE, Optional.empty());
        var error = assertThrows(DeviceException.class, () -> CpuFeatures.of(processor, "amx"));
        assertTrue(String.valueOf(error.getMessage()).contains("got 'amx'"), error::getMessage);
    }

    @Test
    void anOldProcessorHasNothing() {
        var old = new Simulated(Map.of(List.of(0, 0), new int[] {5, 0, 0, 0}), ALL_STATE, Optional.empty());
        assertEquals(Set.of(), usable(CpuFeatures.of(old, "")));
    }

    /** The routines run here, and Linux has asked the same questions. */
    @Test
    void thisProcessorSaysWhatLinuxSays() throws IOException {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        var features = CpuFeatures.of(new NativeProcessor(), "");
        var flags = Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
                .filter(line -> line.startsWith("flags"))
                .findFirst()
                .orElseThrow();
        var known = Set.of(flags.substring(flags.indexOf(':') + 1).strip().split(" "));
        for (var feature : CpuFeature.values()) {
            var reason = features.unusableBecause(feature);
            if (reason.isEmpty() || !reason.get().startsWith("Linux refused")) {
                assertEquals(known.contains(feature.toString()), reason.isEmpty(), feature + ": " + reason);
            }
        }
    }

    @Test
    void cpuidNamesTheVendor() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        int[] answer = new NativeProcessor().cpuid(0, 0);
        var name = new StringBuilder();
        for (int word : new int[] {answer[1], answer[3], answer[2]}) {
            for (int i = 0; i < 4; i++) {
                name.append((char) (word >> 8 * i & 0xff));
            }
        }
        assertTrue(name.toString().matches("[A-Za-z ]{12}"), name::toString);
        assertFalse(name.toString().isBlank());
    }
}
