package io.coda4j.bench;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Equation;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;

/**
 * Where a program spends its time: every equation of one kind is run by itself on random operands, as often as the
 * program runs it in all, and its share is told.
 *
 * <p>The sum differs from the time of the whole program by what fusing, caches and dispatch do; both are printed.
 */
public final class ProgramProfile {
    private static final long WARM_UP = 400_000_000L;
    private static final int RUNS = 15;

    /**
     * Equations of one kind.
     *
     * @param label the primitive with its operand types
     * @param count how often the program has it
     * @param seconds of one run, the median
     */
    public record Line(String label, int count, double seconds) {
        double total() {
            return count * seconds;
        }
    }

    private ProgramProfile() {}

    /** The lines of {@code program} on {@code device}, the most expensive first. */
    public static List<Line> of(Program program, Device device) {
        Map<String, List<Equation>> groups = new LinkedHashMap<>();
        for (var equation : program.body()) {
            boolean isFree =
                    equation.prim() instanceof Primitive.Reshape || equation.prim() instanceof Primitive.Annotate;
            if (!isFree) {
                groups.computeIfAbsent(label(equation), _ -> new ArrayList<>()).add(equation);
            }
        }
        var lines = new ArrayList<Line>();
        groups.forEach((label, equations) ->
                lines.add(new Line(label, equations.size(), median(equations.getFirst(), device))));
        lines.sort(Comparator.comparingDouble(Line::total).reversed());
        return lines;
    }

    /** Prints the lines that make up most of the time, and the sum of all. */
    static void print(List<Line> lines, int most) {
        double sum = lines.stream().mapToDouble(Line::total).sum();
        System.out.printf(Locale.ROOT, "%8s %5s %10s %6s  %s%n", "total ms", "count", "each us", "share", "equation");
        for (var line : lines.subList(0, Math.min(most, lines.size()))) {
            System.out.printf(
                    Locale.ROOT,
                    "%8.2f %5d %10.1f %5.1f%%  %s%n",
                    line.total() * 1e3,
                    line.count(),
                    line.seconds() * 1e6,
                    100 * line.total() / sum,
                    line.label());
        }
        System.out.printf(Locale.ROOT, "%8.2f       all equations%n", sum * 1e3);
    }

    private static String label(Equation equation) {
        var types = equation.in().stream().map(Tensor::type).toList();
        return equation.prim() + " " + types;
    }

    private static double median(Equation equation, Device device) {
        var types = equation.in().stream().map(Tensor::type).toList();
        var program = Trace.of("one", in -> Interpreter.current().apply(equation.prim(), in), types);
        try (var _ = Scope.open();
                var executable = device.compile(program, Layout.DENSE)) {
            var arguments = types.stream().map(type -> random(type).to(device)).toList();
            long end = System.nanoTime() + WARM_UP;
            while (System.nanoTime() < end) {
                run(executable, arguments);
            }
            var seconds = new double[RUNS];
            for (int i = 0; i < RUNS; i++) {
                seconds[i] = run(executable, arguments);
            }
            return Statistics.median(seconds);
        }
    }

    private static double run(Executable executable, List<Array> arguments) {
        long start = System.nanoTime();
        var results = executable.run(arguments);
        double seconds = (System.nanoTime() - start) * 1e-9;
        results.forEach(Array::close);
        return seconds;
    }

    /** Normal floats; ids that are in every table; flags. */
    private static Array random(TensorType type) {
        var random = new Random(7);
        var values = new double[Math.toIntExact(type.size())];
        for (int i = 0; i < values.length; i++) {
            values[i] = type.dtype() == DType.I32
                    ? random.nextInt(2)
                    : type.dtype() == DType.BOOL ? 1 : random.nextGaussian();
        }
        return Array.of(type, values);
    }
}
