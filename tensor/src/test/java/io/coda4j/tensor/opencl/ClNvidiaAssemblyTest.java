package io.coda4j.tensor.opencl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kernels for GPUs through clang to PTX and through NVIDIA's assembler, which needs no GPU: whether the instructions are
 * accepted, and whether everything that should be in registers is. Skipped where the two programs are not installed.
 */
class ClNvidiaAssemblyTest {
    private static final List<String> ARCHITECTURES = List.of("sm_80", "sm_90");

    /** What NVIDIA's own library would give, in terms of clang. */
    private static final String LIBRARY = """
            #define get_local_id(x) ((size_t)((x) == 0 ? __nvvm_read_ptx_sreg_tid_x() : __nvvm_read_ptx_sreg_tid_y()))
            #define get_group_id(x)                                          \\
                ((size_t)((x) == 0   ? __nvvm_read_ptx_sreg_ctaid_x()        \\
                          : (x) == 1 ? __nvvm_read_ptx_sreg_ctaid_y()        \\
                                     : __nvvm_read_ptx_sreg_ctaid_z()))
            #define barrier(x) __syncthreads()
            #define exp(x) __nvvm_ex2_approx_f((x) * 1.442695f)
            #define log(x) (__nvvm_lg2_approx_f(x) * 0.6931472f)
            #define fma(a, b, c) __builtin_fmaf(a, b, c)
            #define fmax(a, b) ((a) > (b) ? (a) : (b))
            #define min(a, b) ((a) < (b) ? (a) : (b))
            #define max(a, b) ((a) > (b) ? (a) : (b))
            #define clamp(x, a, b) min(max(x, a), b)
            #define asm __asm__
            """;

    @TempDir
    private Path folder;

    private static Path clang = Path.of("clang");

    @BeforeAll
    static void findPrograms() throws IOException {
        var found = program("clang", "nvptx64", "--print-targets");
        Requirement.require(
                "ptxas",
                found.isEmpty()
                        ? Optional.of("no clang for nvptx64 is installed")
                        : program("ptxas", "ptxas", "--version").isEmpty()
                                ? Optional.of("NVIDIA's assembler ptxas is not installed")
                                : Optional.empty());
        clang = found.orElseThrow();
    }

    /** A program on the path, or of a Debian package of LLVM, that prints {@code word} when asked. */
    private static Optional<Path> program(String name, String word, String question) throws IOException {
        var folders = new ArrayList<>(Stream.of(System.getenv("PATH").split(java.io.File.pathSeparator))
                .map(Path::of)
                .toList());
        if (Files.isDirectory(Path.of("/usr/lib"))) {
            try (var packages = Files.newDirectoryStream(Path.of("/usr/lib"), "llvm-*")) {
                packages.forEach(each -> folders.add(each.resolve("bin")));
            }
        }
        for (var each : folders) {
            var file = each.resolve(name);
            if (Files.isExecutable(file) && run(file.toString(), question).contains(word)) {
                return Optional.of(file);
            }
        }
        return Optional.empty();
    }

    /** Runs a program that must succeed; what it prints. */
    private static String run(String... command) throws IOException {
        var process = new ProcessBuilder(command).redirectErrorStream(true).start();
        var text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        try {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), text);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        assertEquals(0, process.exitValue(), () -> String.join(" ", command) + "\n" + text);
        return text;
    }

    /** The PTX of a program, after the assembler has accepted it without spilling a register. */
    private String assembled(String source, String... options) throws IOException {
        var text = folder.resolve("kernel.cl");
        var ptx = folder.resolve("kernel.ptx");
        Files.writeString(text, LIBRARY + source);
        var command = new ArrayList<>(List.of(
                clang.toString(),
                "-x",
                "cl",
                "-cl-std=CL1.2",
                "-Xclang",
                "-finclude-default-header",
                "--target=nvptx64-nvidia-nvcl",
                "-Xclang",
                "-target-cpu",
                "-Xclang",
                ARCHITECTURES.getFirst(),
                "-Xclang",
                "-target-feature",
                "-Xclang",
                "+ptx70",
                "-O3",
                "-w",
                "-S",
                "-o",
                ptx.toString(),
                text.toString()));
        command.addAll(List.of(options));
        run(command.toArray(String[]::new));
        for (var architecture : ARCHITECTURES) {
            var said = run(
                    "ptxas",
                    "-arch=" + architecture,
                    "-v",
                    "-o",
                    folder.resolve("kernel.cubin").toString(),
                    ptx.toString());
            assertTrue(said.contains("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads"), said);
            assertTrue(
                    said.lines()
                            .filter(line -> line.contains("stack frame"))
                            .allMatch(line -> line.strip().startsWith("0 bytes stack frame, 0 bytes spill stores")),
                    () -> architecture + " " + List.of(options) + "\n" + said);
        }
        return Files.readString(ptx);
    }

    @Test
    void productsOnTensorCoresAreOneInstructionForEachFragment() throws IOException {
        var ptx = assembled(ClTensorCores.SOURCE, "-DBF16");
        // 4 x 4 fragments, twice 16 of the 32 steps of a tile.
        var instruction = "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32";
        assertEquals(32, ptx.lines().filter(line -> line.contains(instruction)).count());
    }

    @Test
    void attentionInTilesKeepsItsSumsInRegisters() throws IOException {
        for (var options : List.of(
                List.of("-DF32", "-DVECTORS=4", "-DTILE=32"),
                List.of("-DBF16", "-DVECTORS=4", "-DTILE=32"),
                List.of("-DF32", "-DVECTORS=8", "-DTILE=16"),
                List.of("-DBF16", "-DVECTORS=8", "-DTILE=32"))) {
            assembled(ClAttention.TILES, options.toArray(String[]::new));
        }
    }

    @Test
    void plainProductsKeepTheirTileInRegisters() throws IOException {
        for (var tuning : ClTuning.candidates(true)) {
            var options = tuning.tile().options().strip().split(" ");
            assembled(
                    ClMatmul.TILE,
                    Stream.concat(Stream.of("-DF32"), Stream.of(options)).toArray(String[]::new));
        }
    }
}
