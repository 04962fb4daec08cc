package io.coda4j.tensor.cpu.x86;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.ChildJvm;
import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Kernels on the processor for long: their memory, their length, and the safepoints that wait for them. */
class NativeKernelTest {
    private static final Pattern REACHING = Pattern.compile("Reaching safepoint: +(\\d+) ns");

    /** The kernel on the processor; ends the test where that has not its instructions. */
    private static PanelProduct product(PanelKernel kernel) {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        var features = CpuFeatures.of(new NativeProcessor(), "");
        Requirement.require(
                kernel.toString(), kernel.unusableBecause(features).map(why -> kernel + " cannot run here: " + why));
        return new PanelProduct(kernel, new NativeCode(ExecutableMemory.of(kernel.routines())));
    }

    @ParameterizedTest
    @EnumSource
    void aMillionProductsLeaveTheMemoryAsItIs(PanelKernel kernel) throws IOException {
        var product = product(kernel);
        try (var arena = Arena.ofConfined()) {
            int rows = kernel.rows() + 1;
            var a = arena.allocate(rows * 64L, 64);
            var panel = arena.allocate(kernel.panelStepBytes(), 64);
            var c = arena.allocate(rows * 128L, 64);
            multiply(product, 100_000, () -> product.multiply(a, 0, 64, panel, 0, c, 0, 128, rows, 1, true));
            long before = residentKilobytes();
            long start = System.nanoTime();
            multiply(product, 1_000_000, () -> product.multiply(a, 0, 64, panel, 0, c, 0, 128, rows, 1, true));
            long nanos = (System.nanoTime() - start) / 1_000_000;
            long grown = residentKilobytes() - before;
            System.out.println(kernel + ": a product of " + rows + " rows and one step takes " + nanos
                    + " ns in two calls; a million of them took " + grown + " KB");
            assertTrue(grown < 64 << 10, () -> "a million products took " + grown + " KB");
        }
    }

    private static void multiply(PanelProduct product, int times, Runnable call) {
        for (int i = 0; i < times; i++) {
            call.run();
        }
        assertEquals(product.kernel().rows(), product.blockRows());
    }

    private static long residentKilobytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }

    /**
     * A process whose threads do nothing but the longest calls, in which another thread asks for safepoints: each waits for
     * the rest of the longer of two calls, which is below {@code x} of a call with probability {@code x * x}. On a machine
     * with other work a thread that is not running is waited for too, so the middle of the waits for calls, which must be
     * short, is told from the shortest tenth, and from the best of three processes.
     */
    @Test
    void safepointsWaitLessThanAMillisecondForTheLongestCalls() throws Exception {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
        Requirement.require(
                "int8",
                MachineKernels.ofProcess().int8().isPresent()
                        ? Optional.empty()
                        : Optional.of("no INT8 kernel of machine code runs here"));
        double bound = 1_000_000;
        double middle = Double.MAX_VALUE;
        for (int i = 0; i < 3 && middle >= bound; i++) {
            middle = Math.min(middle, middleWait());
        }
        double shortest = middle;
        assertTrue(shortest < bound, () -> "the middle wait for a safepoint is " + shortest + " ns");
    }

    /** In nanoseconds. */
    private static double middleWait() throws IOException, InterruptedException {
        var log = ChildJvm.output(List.of("-Xlog:safepoint"), SafepointWorkload.class);
        var waits = log.lines()
                .map(REACHING::matcher)
                .filter(found -> found.find())
                .mapToLong(found -> Long.parseLong(found.group(1)))
                .sorted()
                .toArray();
        assertTrue(waits.length >= SafepointWorkload.SAFEPOINTS, () -> waits.length + " safepoints");
        double middle = waits[waits.length / 10] * Math.sqrt(0.5 / 0.1);
        System.out.printf(
                "%d safepoints under load: reached in %d us in the middle (%.0f us for calls alone), "
                        + "%d us in 99 of 100, %d us at most%n",
                waits.length,
                waits[waits.length / 2] / 1000,
                middle / 1000,
                waits[waits.length * 99 / 100] / 1000,
                waits[waits.length - 1] / 1000);
        return middle;
    }
}
