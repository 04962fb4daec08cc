package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.diffusion.MaskedBatch;
import io.coda4j.diffusion.MaskedDiffusionLoss;
import io.coda4j.nn.Adafactor;
import io.coda4j.nn.AdamW;
import io.coda4j.nn.Optimizer;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Primitive.AttentionMask;
import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Traced;
import io.coda4j.tensor.spi.Mesh;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class TrainStepShardingTest {
    private static final TransformerConfig CONFIG = new TransformerConfig(64, 32, 2, 4, 2, 8, 48, 1e4, 1e-6, false, -1);

    private static TrainStep step(Optimizer optimizer) {
        return new TrainStep(new MaskedDiffusionLoss(AttentionMask.FULL, 1000, false), optimizer, 1.0);
    }

    private static MaskedBatch batch() {
        var ids = new Symbol(TensorType.i32(8, 16));
        var scored = new Symbol(TensorType.i32(24));
        return new MaskedBatch(ids, ids, scored, scored, new Symbol(TensorType.f32(24)));
    }

    private static Traced<TrainStep.Output> traced(Optimizer optimizer, MaskedBatch batch) {
        var model = CONFIG.build(DType.F32, (_, type) -> new Symbol(type));
        var moments = new LinkedHashMap<String, Tensor>();
        TrainState.momentTypes(model, optimizer).forEach((name, type) -> moments.put(name, new Symbol(type)));
        var scalars = new Symbol(TensorType.f32(optimizer.scalars(1, 1).length));
        return step(optimizer).trace(new TrainStep.Input(new TrainState(model, moments), batch, scalars));
    }

    private static Map<String, List<String>> arguments(Optimizer optimizer, Mesh mesh, Rule... first) {
        return arguments(optimizer, mesh, batch(), first);
    }

    private static Map<String, List<String>> arguments(
            Optimizer optimizer, Mesh mesh, MaskedBatch batch, Rule... first) {
        var traced = traced(optimizer, batch);
        var placement = step(optimizer).sharding(mesh, List.of(first), batch).placement(traced);
        placement.check(traced.program());
        var places = new LinkedHashMap<String, List<String>>();
        for (int i = 0; i < traced.arguments().size(); i++) {
            places.put(traced.arguments().get(i), placement.parameters().get(i));
        }
        for (int i = 0; i < traced.results().size(); i++) {
            var path = traced.results().get(i);
            var got = placement.results().get(i);
            if (path.startsWith("state.")) {
                assertEquals(places.get(path), got, path);
            }
            places.putIfAbsent(path, got);
        }
        return places;
    }

    private static AdamW adamW() {
        return new AdamW(0.9, 0.95, 1e-8, 0.1, false);
    }

    @Test
    void onOneAxisTheTableIsThatOfTheCodaRuns() {
        var places = arguments(adamW(), Mesh.of("fsdp", 4));
        var layer = "model.layers.1.";
        var rows = List.of("fsdp", "");
        var columns = List.of("", "fsdp");
        var expected = new LinkedHashMap<String, List<String>>();
        Stream.of("selfAttn.qProj", "selfAttn.oProj", "mlp.gateProj", "mlp.upProj")
                .forEach(name -> expected.put(layer + name, rows));
        Stream.of("selfAttn.kProj", "selfAttn.vProj", "mlp.downProj")
                .forEach(name -> expected.put(layer + name, columns));
        Stream.of("inputLayernorm", "postAttentionLayernorm")
                .forEach(name -> expected.put(layer + name, List.of("fsdp")));
        Stream.of("selfAttn.qNorm", "selfAttn.kNorm").forEach(name -> expected.put(layer + name, List.of("")));
        expected.put("model.norm", List.of("fsdp"));
        expected.put("model.embedTokens", rows);
        expected.put("lmHead", rows);
        expected.forEach((name, axes) -> {
            assertEquals(axes, places.get("state.model." + name + ".weight"), name);
            for (var moment : List.of("first_moment", "second_moment")) {
                assertEquals(axes, places.get("state.optimizer." + name + ".weight." + moment), name);
            }
        });
        assertEquals(rows, places.get("batch.noisyIds"));
        assertEquals(rows, places.get("batch.segments"));
        assertEquals(List.of(""), places.get("batch.targets"));
    }

    @Test
    void aTableOfEveryPositionIsSplitByRows() {
        var ids = new Symbol(TensorType.i32(8, 16));
        var table = new MaskedBatch(ids, ids, null, ids, new Symbol(TensorType.f32(8, 16)));
        var places = arguments(adamW(), Mesh.of("fsdp", 4), table);
        for (var path : List.of("batch.targets", "batch.weights", "crossEntropies")) {
            assertEquals(List.of("fsdp", ""), places.get(path), path);
        }
    }

    @Test
    void factoredMomentsFollowTheAxisThatTheyKeep() {
        var places = arguments(Adafactor.standard(), Mesh.of("fsdp", 4));
        var q = "state.optimizer.model.layers.0.selfAttn.qProj.weight.";
        assertEquals(List.of("fsdp"), places.get(q + "second_moment_rows"));
        assertEquals(List.of(""), places.get(q + "second_moment_columns"));
        assertEquals(List.of("fsdp"), places.get("state.optimizer.model.norm.weight.second_moment"));
    }

    @Test
    void onTwoAxesEveryMatrixIsSplitTwice() {
        var axes = new LinkedHashMap<String, Integer>();
        axes.put("fsdp", 4);
        axes.put("tensor", 2);
        var places = new ArrayList<>(arguments(adamW(), new Mesh(axes)).entrySet());
        var matrices = places.stream()
                .filter(place ->
                        place.getKey().startsWith("state.") && place.getValue().size() == 2)
                .toList();
        assertEquals(3 * (2 + 7 * 2), matrices.size());
        matrices.forEach(
                place -> assertTrue(place.getValue().containsAll(List.of("fsdp", "tensor")), () -> place.toString()));
    }

    @Test
    void aRuleOfTheUserComesFirstAndMomentsFollowIt() {
        var embedding = Rule.of("**.embedTokens.weight", "", "fsdp");
        var places = arguments(adamW(), Mesh.of("fsdp", 8), embedding);
        assertEquals(List.of("", "fsdp"), places.get("state.model.model.embedTokens.weight"));
        assertEquals(List.of("", "fsdp"), places.get("state.optimizer.model.embedTokens.weight.first_moment"));
        assertEquals(List.of("fsdp", ""), places.get("state.model.lmHead.weight"));
    }

    @Test
    void whatDoesNotDivideIsNamed() {
        var error = assertThrows(IllegalArgumentException.class, () -> arguments(adamW(), Mesh.of("fsdp", 3)));
        assertTrue(error.getMessage().contains("'state.model.model.embedTokens.weight' f32[64,32]"), error::toString);
        var unknown = assertThrows(IllegalArgumentException.class, () -> arguments(adamW(), Mesh.of("expert", 2)));
        assertTrue(unknown.getMessage().contains("'expert'"), unknown::toString);
    }
}
