package io.coda4j.tensor;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;

/**
 * A flat, typed list of equations: what a traced function computes.
 *
 * @param name what the program is called in listings and errors
 * @param params the variables that stand for the arguments
 * @param body the equations in an order in which they can be computed
 * @param results the values the program returns: parameters, equation results or constants
 * @param donated indices of the parameters whose storage the program may take over for its results
 */
public record Program(
        String name, List<Symbol> params, List<Equation> body, List<Tensor> results, Set<Integer> donated) {
    /**
     * A checked program.
     *
     * @throws IllegalArgumentException if an equation uses a variable before it is defined, a variable is defined
     *     twice, a result type is not what the primitive infers, or a donated parameter does not exist
     */
    public Program {
        params = List.copyOf(params);
        body = List.copyOf(body);
        results = List.copyOf(results);
        donated = Set.copyOf(donated);
        check(name, params, body, results);
        for (int index : donated) {
            if (index < 0 || index >= params.size()) {
                throw new IllegalArgumentException("program " + name + ": donated parameter " + index
                        + " does not exist; there are " + params.size());
            }
        }
    }

    private static void check(String name, List<Symbol> params, List<Equation> body, List<Tensor> results) {
        Set<Tensor> defined = Collections.newSetFromMap(new IdentityHashMap<>());
        params.forEach(param -> define(name, defined, param));
        for (var equation : body) {
            equation.in()
                    .forEach(
                            tensor -> use(name, defined, tensor, equation.prim().mnemonic()));
            var types = equation.in().stream().map(Tensor::type).toList();
            var inferred = equation.prim().infer(types);
            if (!inferred.equals(equation.out().stream().map(Symbol::type).toList())) {
                throw new IllegalArgumentException("program " + name + ": "
                        + equation.prim().mnemonic() + " infers " + inferred + " but defines " + equation.out());
            }
            equation.out().forEach(symbol -> define(name, defined, symbol));
        }
        results.forEach(tensor -> use(name, defined, tensor, "return"));
    }

    private static void define(String name, Set<Tensor> defined, Symbol symbol) {
        if (!defined.add(symbol)) {
            throw new IllegalArgumentException(
                    "program " + name + ": a variable of type " + symbol.type() + " is defined twice");
        }
    }

    private static void use(String name, Set<Tensor> defined, Tensor tensor, String where) {
        if (tensor instanceof Symbol symbol && !defined.contains(symbol)) {
            throw new IllegalArgumentException("program " + name + ": " + where + " uses a " + symbol
                    + " that this program does not define; it belongs to another trace");
        }
    }

    /** This program with other donated parameters. */
    public Program donating(Set<Integer> parameters) {
        return new Program(name, params, body, results, parameters);
    }

    /** Replays the program on {@code args} under the current interpreter. */
    public List<Tensor> call(List<Tensor> args) {
        if (args.size() != params.size()) {
            throw new IllegalArgumentException(
                    "program " + name + " takes " + params.size() + " arguments, got " + args.size());
        }
        var values = new IdentityHashMap<Tensor, Tensor>();
        for (int i = 0; i < args.size(); i++) {
            values.put(params.get(i), args.get(i));
        }
        for (var equation : body) {
            var in = equation.in().stream().map(t -> values.getOrDefault(t, t)).toList();
            var out = Interpreter.current().apply(equation.prim(), in);
            for (int i = 0; i < out.size(); i++) {
                values.put(equation.out().get(i), out.get(i));
            }
        }
        return results.stream().map(t -> values.getOrDefault(t, t)).toList();
    }

    /** This program without the equations that no result depends on. */
    Program withoutDeadCode() {
        Set<Tensor> live = Collections.newSetFromMap(new IdentityHashMap<>());
        live.addAll(results);
        var kept = new ArrayList<Equation>();
        for (var equation : body.reversed()) {
            if (equation.out().stream().anyMatch(live::contains)) {
                live.addAll(equation.in());
                kept.add(equation);
            }
        }
        return new Program(name, params, kept.reversed(), results, donated);
    }

    /** The program as text, one equation a line; see {@link ProgramPrinter}. */
    @Override
    public String toString() {
        return ProgramPrinter.print(this);
    }
}
