package io.coda4j.tpu;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * What any parser of StableHLO would complain of first: brackets that do not match, values used before they are
 * defined or defined twice, operations without types, and operands that are not of the types written beside them.
 */
final class HloCheck {
    private static final Pattern VALUE = Pattern.compile("%[A-Za-z_][A-Za-z_0-9]*(#[0-9]+)?");
    private static final Pattern TYPE = Pattern.compile("tensor<(?:[0-9]+x)*(?:i1|i8|i32|f16|bf16|f32|f64)>");
    private static final Pattern TYPED = Pattern.compile("(%[A-Za-z0-9_]+): (" + TYPE + ")");
    private static final Pattern OPERATION = Pattern.compile(
            "%(?<name>[a-z_0-9]+)(?::(?<results>[0-9]+))? = \"?(?<op>(?:stablehlo|sdy)\\.[a-z_]+)\"?(?<rest>.*)");

    private static final Pattern LOOP = Pattern.compile(
            "%(?<name>[a-z_0-9]+):(?<results>[0-9]+) = stablehlo\\.while" + "\\((?<operands>.*)\\) : (?<types>.*)");

    private final Map<String, String> types = new HashMap<>();
    private List<String> results = List.of();
    private String open = "";
    private final List<Loop> loops = new ArrayList<>();
    private boolean returned;

    /** A loop whose regions are not over, and what was defined before it. */
    private record Loop(String name, List<String> state, Map<String, String> outside) {}

    private HloCheck() {}

    /** Fails, naming the line, unless {@code module} is well formed. */
    static void check(String module) {
        brackets(module);
        var check = new HloCheck();
        module.lines().map(String::strip).forEach(line -> {
            try {
                check.line(line);
            } catch (AssertionError | RuntimeException e) {
                throw new AssertionError(e.getMessage() + " in: " + line + "\nof:\n" + module, e);
            }
        });
        require(check.returned && check.open.isEmpty(), "the module ends too early: " + module);
    }

    private static void brackets(String module) {
        var expected = new ArrayList<Character>();
        var text = module.replace("->", "").replaceAll("\"[^\"]*\"", "");
        for (char c : text.toCharArray()) {
            int kind = "([{<".indexOf(c);
            if (kind >= 0) {
                expected.add(")]}>".charAt(kind));
            } else if (")]}>".indexOf(c) >= 0) {
                require(!expected.isEmpty() && expected.removeLast() == c, "unexpected " + c + " in\n" + module);
            }
        }
        require(expected.isEmpty(), "missing " + expected + " in\n" + module);
    }

    private void line(String line) {
        var operation = OPERATION.matcher(line);
        if (line.startsWith("func.func ")) {
            TYPED.matcher(line).results().forEach(typed -> define(typed.group(1), typed.group(2)));
            results = typesIn(line.substring(line.lastIndexOf("->")));
        } else if (line.startsWith("^bb0(")) {
            // A region's arguments and values are gone when it ends, and the next may use the same names.
            TYPED.matcher(line).results().forEach(typed -> types.put(typed.group(1), typed.group(2)));
        } else if (LOOP.matcher(line).matches()) {
            loop(LOOP.matcher(line));
        } else if (line.equals("cond {") || line.equals("} do {")) {
            require(!loops.isEmpty(), "no loop is open");
        } else if (line.equals("}") && !loops.isEmpty()) {
            endLoop(loops.removeLast());
        } else if (line.startsWith("stablehlo.return ")) {
            same(typesOf(line), typesIn(line));
            types.keySet().removeAll(List.of("%a", "%b", "%sum"));
        } else if (line.startsWith("return")) {
            same(typesOf(line), typesIn(line));
            same(results, typesIn(line));
            returned = true;
        } else if (line.startsWith("}) : ")) {
            require(!open.isEmpty(), "no region is open");
            operation(OPERATION.matcher(open + line.substring(2)));
            open = "";
        } else if (line.endsWith("({")) {
            open = line.substring(0, line.length() - 2);
        } else if (operation.matches()) {
            operation(operation);
        } else {
            require(line.matches("module @.* attributes \\{.*\\} \\{|sdy.mesh @mesh = <\\[.*]>|}"), "not understood");
        }
    }

    private void loop(Matcher line) {
        require(line.matches(), "not a loop");
        var state = typesIn(line.group("types"));
        require(state.size() == Integer.parseInt(line.group("results")), "wrong number of results");
        var outside = Map.copyOf(types);
        var pairs = line.group("operands").split(", ");
        require(pairs.length == state.size(), "wrong number of operands");
        for (int i = 0; i < pairs.length; i++) {
            var pair = pairs[i].split(" = ");
            require(state.get(i).equals(outside.get(pair[1])), pair[1] + " is not of type " + state.get(i));
        }
        // Regions use what is handed to them and nothing else.
        types.keySet().removeAll(outside.keySet());
        for (int i = 0; i < pairs.length; i++) {
            define(pairs[i].split(" = ")[0], state.get(i));
        }
        loops.add(new Loop(line.group("name"), state, outside));
    }

    private void endLoop(Loop loop) {
        types.clear();
        types.putAll(loop.outside());
        IntStream.range(0, loop.state().size())
                .forEach(i -> define("%" + loop.name() + "#" + i, loop.state().get(i)));
    }

    private void operation(Matcher line) {
        require(line.matches(), "not an operation");
        var rest = line.group("rest");
        int colon = rest.lastIndexOf(" : ");
        require(colon >= 0, "no types");
        var operands = typesOf(rest.substring(0, colon));
        var written = typesIn(rest.substring(colon));
        require(!written.isEmpty(), "no types");
        var name = "%" + line.group("name");
        if (rest.substring(colon).contains("->")) {
            same(operands, written.subList(0, written.size() - 1));
            define(name, written.getLast());
        } else if (line.group("op").equals("stablehlo.select")) {
            same(operands, List.of(written.get(0), written.get(1), written.get(1)));
            define(name, written.get(1));
        } else if (line.group("results") != null) {
            same(operands, written);
            require(written.size() == Integer.parseInt(line.group("results")), "wrong number of results");
            IntStream.range(0, written.size()).forEach(i -> define(name + "#" + i, written.get(i)));
        } else {
            same(operands, Collections.nCopies(operands.size(), written.getFirst()));
            define(name, written.getFirst());
        }
    }

    private void define(String name, String type) {
        require(types.put(name, type) == null, name + " is defined twice");
    }

    private List<String> typesOf(String operands) {
        return VALUE.matcher(operands)
                .results()
                .map(MatchResult::group)
                .map(this::typeOf)
                .toList();
    }

    private String typeOf(String name) {
        require(types.containsKey(name), name + " is not defined");
        return types.getOrDefault(name, "");
    }

    private static List<String> typesIn(String text) {
        return TYPE.matcher(text).results().map(MatchResult::group).toList();
    }

    private static void same(List<String> operands, List<String> written) {
        require(operands.equals(written), "operands of types " + operands + ", written " + written);
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new AssertionError(message);
        }
    }
}
