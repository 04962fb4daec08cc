package io.coda4j.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/**
 * What this machine can do at most: multiply-adds in registers, and reading memory. Measured in a fresh process, because
 * a loop that was compiled again after other code had run is not a ceiling any more.
 */
public final class Machine {
    private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_PREFERRED;
    private static final long STEPS = 4_000_000;
    private static final long MEGABYTES = 256;

    private Machine() {}

    /**
     * Requires a processor for each of {@code threads} threads, the value of {@code --threads}.
     *
     * @throws ParameterException if there are too few
     */
    public static void requireProcessors(CommandLine command, int threads) {
        int all = Runtime.getRuntime().availableProcessors();
        if (threads < 1 || threads > all) {
            throw new ParameterException(
                    command, "--threads: from 1 to " + all + " expected, the processors here, got " + threads);
        }
    }

    /** GFLOP/s of independent multiply-adds on {@code threads} threads, the best of some rounds. */
    public static double peak(int threads) {
        double best = 0;
        for (int round = 0; round < 12; round++) {
            long start = System.nanoTime();
            var _ = IntStream.range(0, threads)
                    .parallel()
                    .mapToDouble(_ -> chains(STEPS))
                    .sum();
            double seconds = (System.nanoTime() - start) * 1e-9;
            best = Math.max(best, threads * STEPS * 10.0 * 2 * SPECIES.length() / seconds * 1e-9);
        }
        return best;
    }

    /** Ten chains are as many as sixteen registers hold beside their operands, and as two units of latency five need. */
    private static double chains(long steps) {
        var factor = FloatVector.broadcast(SPECIES, 0.5f);
        var term = FloatVector.broadcast(SPECIES, 1e-3f);
        var a = term;
        var b = term.add(1);
        var c = term.add(2);
        var d = term.add(3);
        var e = term.add(4);
        var f = term.add(5);
        var g = term.add(6);
        var h = term.add(7);
        var i = term.add(8);
        var j = term.add(9);
        for (int step = 0; step < (int) steps; step++) {
            a = a.fma(factor, term);
            b = b.fma(factor, term);
            c = c.fma(factor, term);
            d = d.fma(factor, term);
            e = e.fma(factor, term);
            f = f.fma(factor, term);
            g = g.fma(factor, term);
            h = h.fma(factor, term);
            i = i.fma(factor, term);
            j = j.fma(factor, term);
        }
        return a.add(b).add(c).add(d).add(e).add(f).add(g).add(h).add(i).add(j).reduceLanes(VectorOperators.ADD);
    }

    /**
     * GB/s of reading memory that no cache holds, on {@code threads} threads, the best of some rounds: each thread in one place or in
     * four, of which processors differ in what they fetch ahead.
     */
    @SuppressWarnings("restricted")
    public static double bandwidth(int threads) {
        try (var arena = Arena.ofShared()) {
            long bytes = MEGABYTES << 20;
            var owned = arena.allocate(bytes, 64).fill((byte) 1);
            var memory = MemorySegment.ofAddress(owned.address()).reinterpret(bytes);
            double best = 0;
            for (int round = 0; round < 16; round++) {
                boolean isApart = round % 2 == 1;
                long start = System.nanoTime();
                var _ = IntStream.range(0, threads)
                        .parallel()
                        .mapToDouble(part -> sum(memory.asSlice(bytes / threads * part, bytes / threads), isApart))
                        .sum();
                best = Math.max(best, bytes / ((System.nanoTime() - start) * 1e-9) * 1e-9);
            }
            return best;
        }
    }

    /** Four vectors at a time, side by side or a quarter of the memory apart. */
    private static float sum(MemorySegment memory, boolean isApart) {
        var a = FloatVector.zero(SPECIES);
        var b = a;
        var c = a;
        var d = a;
        int width = SPECIES.vectorByteSize();
        int count = (int) (memory.byteSize() / (4 * width));
        long distance = isApart ? (long) count * width : width;
        long step = isApart ? width : 4L * width;
        for (int i = 0; i < count; i++) {
            long at = i * step;
            a = a.add(load(memory, at));
            b = b.add(load(memory, at + distance));
            c = c.add(load(memory, at + 2 * distance));
            d = d.add(load(memory, at + 3 * distance));
        }
        return a.add(b).add(c).add(d).reduceLanes(VectorOperators.ADD);
    }

    private static FloatVector load(MemorySegment memory, long at) {
        return FloatVector.fromMemorySegment(SPECIES, memory, at, ByteOrder.nativeOrder());
    }

    /** The processor as it calls itself, with the vector instructions that matter. */
    public static String processor() {
        var file = Path.of("/proc/cpuinfo");
        if (!Files.isReadable(file)) {
            return System.getProperty("os.arch");
        }
        try {
            var lines = Files.readAllLines(file);
            var flags = value(lines, "flags").split(" ");
            var known = List.of("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16");
            return value(lines, "model name") + " (family " + value(lines, "cpu family") + ", model "
                    + value(lines, "model\t") + "; "
                    + String.join(
                            " ", Arrays.stream(flags).filter(known::contains).toList())
                    + ")";
        } catch (IOException e) {
            throw new UncheckedIOException("the processor cannot be named", e);
        }
    }

    private static String value(List<String> lines, String key) {
        return lines.stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .findFirst()
                .orElse("?");
    }
}
