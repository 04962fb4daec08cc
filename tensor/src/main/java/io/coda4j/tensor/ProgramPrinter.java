package io.coda4j.tensor;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;

/**
 * Programs as stable, readable text.
 *
 * <pre>
 * program norm(%0:f32[2,8], %1:f32[8]) {
 *   %2:f32[2,8] = rmsNorm(eps=1.0E-6) %0 %1
 *   return %2
 * }
 * </pre>
 */
public final class ProgramPrinter {
    private final Map<Symbol, String> names = new IdentityHashMap<>();
    private final StringBuilder text = new StringBuilder();

    private ProgramPrinter() {}

    /** The text of {@code program}. */
    public static String print(Program program) {
        var printer = new ProgramPrinter();
        printer.program(program);
        return printer.text.toString();
    }

    private void program(Program program) {
        text.append("program ").append(program.name()).append('(');
        for (int i = 0; i < program.params().size(); i++) {
            text.append(i == 0 ? "" : ", ").append(define(program.params().get(i)));
            if (program.donated().contains(i)) {
                text.append(" donated");
            }
        }
        text.append(") {\n");
        program.body().forEach(this::equation);
        text.append("  return").append(uses(program.results())).append("\n}\n");
    }

    private void equation(Equation equation) {
        text.append("  ")
                .append(equation.out().stream().map(this::define).collect(Collectors.joining(", ")))
                .append(" = ")
                .append(call(equation.prim()))
                .append(uses(equation.in()));
        if (equation.prim() instanceof Primitive.Scan scan) {
            text.append(" of\n");
            print(scan.body())
                    .lines()
                    .forEach(line -> text.append("    ").append(line).append('\n'));
        } else {
            text.append('\n');
        }
    }

    private String define(Symbol symbol) {
        var name = "%" + names.size();
        names.put(symbol, name);
        return name + ":" + symbol.type();
    }

    private String uses(List<Tensor> tensors) {
        return tensors.stream().map(t -> " " + use(t)).collect(Collectors.joining());
    }

    private String use(Tensor tensor) {
        return switch (tensor) {
            case Symbol symbol -> Objects.requireNonNull(names.get(symbol), "used before it is defined");
            case Array array -> "const:" + array.type() + preview(array);
        };
    }

    private static String preview(Array array) {
        return array.type().size() > 8
                ? "{...}"
                : Arrays.toString(array.toDoubles()).replace('[', '{').replace(']', '}');
    }

    /** A primitive with its static parameters, such as {@code reduce(op=sum, axes=[1])}. */
    public static String call(Primitive prim) {
        var parameters = switch (prim) {
            // The operator is already the name.
            case Primitive.Unary _, Primitive.Binary _, Primitive.Compare _ -> "";
            case Primitive.Core core -> parameters(core);
            case Primitive.Fused fused -> parameters(fused);
        };
        return prim.mnemonic() + (parameters.isEmpty() ? "" : "(" + parameters + ")");
    }

    private static String parameters(Primitive prim) {
        return Arrays.stream(prim.getClass().getRecordComponents())
                .map(component -> component.getName() + "=" + value(prim, component))
                .collect(Collectors.joining(", "));
    }

    private static String value(Primitive prim, RecordComponent component) {
        try {
            var value = component.getAccessor().invoke(prim);
            return switch (value) {
                case Enum<?> constant -> constant.name().toLowerCase(java.util.Locale.ROOT);
                case Primitive.Note.Barrier _ -> "barrier";
                case Primitive.Note.StopGradient _ -> "stopGradient";
                case Primitive.Note.Sharding sharding -> "sharding" + sharding.axes();
                // Listings show it below the equation.
                case Program program -> program.name();
                case List<?> list -> list.toString().replace(" ", "");
                default -> value.toString();
            };
        } catch (IllegalAccessException | InvocationTargetException e) {
            throw new IllegalStateException("cannot read " + component + " of " + prim.mnemonic(), e);
        }
    }
}
