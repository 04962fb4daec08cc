package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Program;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.testing.Requirement;
import io.coda4j.tpu.StableHlo;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The plugin of TPUs, which compiles for them where there is none. */
class LibtpuTest {
    private static final TensorType X = TensorType.f32(256, 256);

    private static Path library;

    @BeforeAll
    static void find() {
        var found = PjrtPlugins.ofThisProcess().installed(PjrtPlugins.Kind.TPU);
        Requirement.require(
                "libtpu",
                found.isPresent() ? Optional.empty() : Optional.of("libtpu is not installed: pip install libtpu"));
        library = found.orElseThrow();
    }

    private static AotRequest request(String topology) {
        var tpus = TpuTopology.parse(topology);
        return AotRequest.about(library, tpus.name(), tpus.options());
    }

    private static AotAnswer about(String topology) {
        return AotProcess.ask(request(topology));
    }

    @Test
    void itLoadsAndSaysWhichStableHloItReads() {
        var answer = about("v4:2x2x1");
        assertTrue(answer.apiVersion().startsWith("0."), answer::apiVersion);
        assertInstanceOf(PjrtAttribute.Whole.class, answer.plugin().get("xla_version"));
        var stableHlo =
                assertInstanceOf(PjrtAttribute.Wholes.class, answer.plugin().get("stablehlo_current_version"));
        assertEquals(3, stableHlo.values().size());
        assertTrue(answer.platform().startsWith("tpu "), answer::platform);
    }

    @Test
    void topologiesNameTheirDevices() {
        var v4 = about("v4:2x2x1").devices();
        assertEquals(4, v4.size());
        assertEquals(4, v4.stream().map(PjrtDeviceDescription::id).distinct().count());
        assertTrue(v4.getFirst().kind().contains("v4"), () -> v4.getFirst().kind());
        assertEquals(
                Set.of(List.of(0L, 0L, 0L), List.of(1L, 0L, 0L), List.of(0L, 1L, 0L), List.of(1L, 1L, 0L)),
                v4.stream()
                        .map(device ->
                                ((PjrtAttribute.Wholes) device.attributes().get("coords")).values())
                        .collect(java.util.stream.Collectors.toSet()));
        assertEquals(4, about("v5e:2x2").devices().size());
    }

    @Test
    void aTopologyThatDoesNotExistIsRefusedInThePluginsWords() {
        var answer = AotProcess.ask(AotRequest.about(library, "v1:2x2", List.of(Map.of())));
        assertNull(answer.compiled());
        assertNotNull(answer.refusal());
        assertTrue(
                answer.refusal().message().contains("PJRT_TopologyDescription_Create"),
                () -> String.valueOf(answer.refusal()));
    }

    @Test
    void aProgramIsCompiledForTheDevicesOfATopology() {
        Program program = Trace.of("product", in -> List.of(in.get(0).matmul(in.get(1))), List.of(X, X))
                .donating(Set.of(0));
        for (var topology : List.of("v4:2x2x1", "v5e:2x2")) {
            var answer =
                    AotProcess.ask(request(topology).compiling(StableHlo.print(program, Mesh.of("fsdp", 4)), Map.of()));
            assertNull(answer.refusal());
            var compiled = answer.compiled();
            assertNotNull(compiled);
            assertEquals(2 * X.byteSize(), compiled.memory().arguments(), topology);
            assertTrue(
                    compiled.cost().containsKey("flops"), () -> compiled.cost().toString());
        }
    }

    @Test
    void textThatIsNoModuleIsRefusedInTheCompilersWords() {
        var answer = AotProcess.ask(request("v4:2x2x1").compiling("module { nonsense }", Map.of()));
        assertNotNull(answer.refusal());
        assertTrue(answer.refusal().message().contains("nonsense"), () -> String.valueOf(answer.refusal()));
    }
}
