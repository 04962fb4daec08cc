package io.coda4j.tensor.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Hot kernels must be methods that the first compiler, C1, can compile with profiling.
 *
 * <p>Where it cannot, and C2's queue was long at the time, a method stays in a compiled form that allocates every vector
 * and never reaches C2: the kernel is then a hundred times slower for the life of the process (project specification,
 * 09 section 4).
 */
class HotKernelCompilationTest {
    /** Patterns, because the width of the vectors decides between some. */
    private static final List<String> HOT = List.of(
            "MicroKernel\\d+::rows",
            "MicroKernel\\d+::columns",
            "MicroKernel\\d+::turnedRows",
            "MicroKernel\\d+::narrowRows",
            "MatmulPack::pairedPanel",
            "MatmulTile::store",
            "MatmulTile::add",
            "MatmulPack::wideRow",
            "MatmulPack::(wideColumn|wideQuads)",
            "MatmulPack::wideStep",
            "MatmulTurn::turn",
            "MatmulTurn::second",
            "MatmulTurn::last",
            "MatmulPack::narrowRow",
            "MatmulPack::narrowStep",
            "DotRow::one",
            "DotRow::two",
            "DotRow::oneBf16",
            "DotRow::twoBf16",
            "QuantizedDots::part",
            "QuantizedMatmul::put",
            "QuantizedRows::bytes",
            "QuantizedRows::step",
            "QuantizedRows::words",
            "BytePanels::pack",
            "VectorMath::exp",
            "AdamWKernel::update",
            "Elementwise::selectInts",
            "SwiGluKernel::gradient",
            "AttentionRows::scaled",
            "AttentionRows::max",
            "AttentionRows::exponentials",
            "AttentionRows::gradients",
            "AttentionRows::dot",
            "AttentionRows::multiply",
            "AttentionRows::round");

    @ParameterizedTest
    @ValueSource(strings = {"", "-XX:UseAVX=2"})
    void firstCompilerAcceptsEveryHotKernel(String flag) throws Exception {
        var log = compilationLog(flag);
        var skipped = log.stream()
                .filter(line -> line.contains("io.coda4j") && line.contains("COMPILE SKIPPED"))
                .toList();
        assertEquals(List.of(), skipped);
        for (String method : HOT) {
            var compiled = Pattern.compile("io\\.coda4j\\.tensor\\.cpu\\." + method + " ")
                    .asPredicate();
            assertTrue(
                    log.stream().anyMatch(compiled),
                    () -> method + " was never compiled: the workload does not reach it");
        }
    }

    private static List<String> compilationLog(String flag) throws IOException, InterruptedException {
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        if (!flag.isEmpty() && System.getProperty("os.arch").equals("amd64")) {
            command.add(flag);
        }
        command.addAll(List.of(
                "-XX:TieredStopAtLevel=3",
                "-XX:+PrintCompilation",
                "-Xbatch",
                "-XX:Tier0InvokeNotifyFreqLog=4",
                "-XX:Tier3InvocationThreshold=20",
                "-XX:Tier3MinInvocationThreshold=10",
                "-XX:Tier3CompileThreshold=20",
                // Machine code would stand in for them.
                "-Dcoda.kernels=vector",
                "--add-modules=jdk.incubator.vector",
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                HotKernelWorkload.class.getName()));
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        List<String> lines;
        try (var reader = new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8)) {
            lines = reader.readAllLines();
        }
        assertEquals(0, process.waitFor(), () -> String.join("\n", lines));
        return lines;
    }
}
