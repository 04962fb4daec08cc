package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ShardingPlanTest {
    private static Mesh mesh(int fsdp, int tensor) {
        var axes = new LinkedHashMap<String, Integer>();
        axes.put("fsdp", fsdp);
        axes.put("tensor", tensor);
        return new Mesh(axes);
    }

    private static void fails(Runnable action, String... parts) {
        var message = String.valueOf(
                assertThrows(IllegalArgumentException.class, action::run).getMessage());
        for (var part : parts) {
            assertTrue(message.contains(part), () -> "'" + part + "' is not in: " + message);
        }
    }

    @Test
    void theFirstRuleThatMatchesDecides() {
        var plan = new ShardingPlan(
                mesh(4, 2),
                List.of(
                        Rule.of("**.head.weight", "tensor", "fsdp"),
                        Rule.of("**.weight", "fsdp", ""),
                        Rule.of("model.head.weight", "", "")));
        assertEquals(List.of("tensor", "fsdp"), plan.axes("model.head.weight", TensorType.f32(8, 8)));
        assertEquals(List.of("fsdp", ""), plan.axes("model.q.weight", TensorType.f32(8, 8)));
        assertEquals(List.of("", ""), plan.axes("model.q.bias", TensorType.f32(3, 5)));
        var before = plan.with(List.of(Rule.of("**.head.weight", "", "fsdp")));
        assertEquals(List.of("", "fsdp"), before.axes("model.head.weight", TensorType.f32(8, 8)));
    }

    @Test
    void aRuleSplitsTheLastAxes() {
        var plan = new ShardingPlan(mesh(4, 2), List.of(Rule.of("w", "fsdp", "")));
        assertEquals(List.of("", "fsdp", ""), plan.axes("w", TensorType.f32(3, 8, 5)));
        fails(() -> plan.axes("w", TensorType.f32(8)), "rule 'w'", "'w' f32[8]");
    }

    @Test
    void whatCannotBeSplitIsAnErrorThatNamesTheValueAndAWayOut() {
        var plan = new ShardingPlan(Mesh.of("fsdp", 1024), List.of(Rule.of("**.embed", "fsdp", "")));
        fails(
                () -> plan.axes("model.embed", TensorType.f32(151_936, 2048)),
                "'model.embed'",
                "f32[151936,2048]",
                "axis 0 has 151936 = 2^7 x 1187 elements",
                "fsdp=1024",
                "split axis 1 (2048) instead",
                "pad axis 0 to 152576",
                "such as 128");
        fails(() -> plan.axes("model.embed", TensorType.f32(97, 3)), "97 = 97", "pad axis 0 to 1024");
        fails(
                () -> new ShardingPlan(Mesh.of("fsdp", 2), List.of(Rule.of("w", "data"))),
                "rule 'w'",
                "'data'",
                "fsdp=2");
    }

    @Test
    void aPlanMayLeaveWholeWhatItDoesNotDivide() {
        var plan = new ShardingPlan(mesh(4, 2), List.of(Rule.of("x", "fsdp+tensor", ""))).wholeWhereUneven();
        assertEquals(List.of("fsdp+tensor", ""), plan.axes("x", TensorType.f32(16, 3)));
        assertEquals(List.of("", ""), plan.axes("x", TensorType.f32(12, 3)));
        assertEquals(List.of("", ""), plan.with(List.of()).axes("x", TensorType.f32(12, 3)));
        fails(() -> new ShardingPlan(Mesh.of("fsdp", 4), List.of(Rule.of("x", "fsdp+tensor"))), "'tensor'");
    }

    @Test
    void placementsAreChecked() {
        var program = Trace.of("p", in -> List.of(in.get(0).neg()), List.of(TensorType.f32(4, 6)));
        var mesh = mesh(2, 2);
        var whole = List.of("", "");
        assertEquals(
                new Placement(mesh, List.of(whole), List.of(whole)),
                Placement.replicated(mesh, program).check(program));
        var place = List.of(List.of("fsdp", "tensor"));
        assertEquals(TensorType.f32(2, 3), Placement.part(mesh, TensorType.f32(4, 6), place.getFirst()));
        new Placement(mesh, place, place).check(program);
        fails(() -> new Placement(mesh, List.of(), place).check(program), "p: parameters: the program has 1");
        fails(
                () -> new Placement(mesh, List.of(List.of("fsdp")), place).check(program),
                "p: parameter 0 f32[4,6]",
                "each of its 2 axes, but names 1");
        fails(
                () -> new Placement(mesh, place, List.of(List.of("fsdp", "fsdp"))).check(program),
                "p: result 0",
                "can split only one axis");
        fails(() -> new Placement(mesh, List.of(List.of("data", "")), place).check(program), "no axis 'data'");
        fails(() -> new Placement(mesh(4, 4), place, place).check(program), "axis 1 has 6 = 2 x 3", "tensor=4");
    }

    @Test
    void tracedFunctionsArePlacedByTheirPaths() {
        var x = new Symbol(TensorType.f32(4, 6));
        var traced = Traced.of("f", (Map<String, Tensor> in) -> next(in), Map.of("x", x))
                .donating("x");
        assertEquals(List.of("x"), traced.arguments());
        assertEquals(List.of("state.x", "sum"), traced.results());
        assertEquals(java.util.Set.of(0), traced.program().donated());
        var plan = new ShardingPlan(Mesh.of("fsdp", 2), List.of(Rule.of("**.x", "fsdp", "")));
        assertEquals(
                new Placement(plan.mesh(), List.of(List.of("fsdp", "")), List.of(List.of("fsdp", ""), List.of())),
                plan.placement(traced));
        fails(() -> traced.donating("y"), "no argument matches 'y'");
    }

    private static Map<String, Object> next(Map<String, Tensor> in) {
        var x = java.util.Objects.requireNonNull(in.get("x"));
        var out = new LinkedHashMap<String, Object>();
        out.put("state", Map.of("x", x.neg()));
        out.put("sum", x.sumAll());
        return Collections.unmodifiableMap(out);
    }

    @Test
    void meshesHaveNamedAxesWithDevices() {
        assertEquals(8, mesh(4, 2).devices());
        assertEquals("fsdp=4,tensor=2", mesh(4, 2).toString());
        assertThrows(IllegalArgumentException.class, () -> Mesh.of("fsdp", 0));
        assertThrows(IllegalArgumentException.class, () -> Mesh.of("", 4));
        assertThrows(IllegalArgumentException.class, () -> new Mesh(new LinkedHashMap<>()));
        assertThrows(IllegalArgumentException.class, () -> mesh(1 << 16, 1 << 16));
        assertThrows(IllegalArgumentException.class, () -> Mesh.of("a+b", 4));
    }

    @Test
    void meshesAreReadAsTheyAreWritten() {
        assertEquals(mesh(4, 2), Mesh.parse("fsdp=4,tensor=2"));
        assertEquals(mesh(4, 2), Mesh.parse(" fsdp=4, tensor=2"));
        assertEquals(
                List.of("fsdp", "tensor"),
                List.copyOf(Mesh.parse("fsdp=4,tensor=2").axes().keySet()));
        for (var text : List.of("", "fsdp", "fsdp=", "=4", "fsdp=4,", "fsdp=4,fsdp=2", "fsdp=-1", "4", "a+b=2")) {
            fails(() -> Mesh.parse(text), "'" + text + "' is no mesh", "fsdp=16,tensor=4");
        }
        fails(() -> Mesh.parse("fsdp=0"), "at least one device");
    }
}
