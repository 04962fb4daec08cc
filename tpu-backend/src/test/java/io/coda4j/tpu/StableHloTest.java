package io.coda4j.tpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.Loop;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Note;
import io.coda4j.tensor.Program;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.spi.Placement;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class StableHloTest {
    private static final TensorType X = TensorType.f32(2, 3);

    private static Program trace(UnaryOperator<List<Tensor>> f, TensorType... types) {
        return Trace.of("test", f, List.of(types));
    }

    private static void prints(String expected, String actual) {
        HloCheck.check(actual);
        assertEquals(expected, actual);
    }

    @Test
    void fusedPrimitivesAreWrittenAsTheirMeaning() {
        prints("""
                module @test attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
                  func.func public @main(%arg0: tensor<2x3xf32>, %arg1: tensor<2x3xf32>) -> (tensor<2x3xf32>) {
                    %logistic0 = stablehlo.logistic %arg0 : tensor<2x3xf32>
                    %multiply1 = stablehlo.multiply %arg0, %logistic0 : tensor<2x3xf32>
                    %multiply2 = stablehlo.multiply %multiply1, %arg1 : tensor<2x3xf32>
                    return %multiply2 : tensor<2x3xf32>
                  }
                }
                """, StableHlo.print(trace(in -> List.of(in.get(0).then(new Primitive.SwiGlu(), in.get(1))), X, X)));
    }

    @Test
    void capturedArraysAndEqualConstantsAreDefinedOnce() {
        var bias = Array.of(Shape.of(2), 0.5f, -1f);
        prints(
                """
                module @test attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
                  func.func public @main(%arg0: tensor<2xf32>) -> (tensor<2xf32>, tensor<2xf32>) {
                    %constant0 = stablehlo.constant dense<3.0> : tensor<2xf32>
                    %constant1 = stablehlo.constant dense<[0.5, -1.0]> : tensor<2xf32>
                    %add2 = stablehlo.add %arg0, %constant1 : tensor<2xf32>
                    %multiply3 = stablehlo.multiply %add2, %constant0 : tensor<2xf32>
                    %multiply4 = stablehlo.multiply %multiply3, %constant0 : tensor<2xf32>
                    return %multiply4, %constant1 : tensor<2xf32>, tensor<2xf32>
                  }
                }
                """,
                StableHlo.print(trace(
                        in -> {
                            var three = Tensor.full(TensorType.f32(2), 3);
                            var again = Tensor.full(TensorType.f32(2), 3);
                            return List.of(in.getFirst().add(bias).mul(three).mul(again), bias);
                        },
                        TensorType.f32(2))));
    }

    @Test
    void donatedParametersNameTheResultWrittenOverThem() {
        var program = trace(
                        in -> List.of(in.get(2).neg(), in.get(0).add(in.get(1)), in.get(1)),
                        X,
                        X,
                        TensorType.i32(4),
                        TensorType.i32(5))
                .donating(Set.of(0, 1, 2, 3));
        var text = StableHlo.print(program);
        assertTrue(
                text.contains("(%arg0: tensor<2x3xf32> {tf.aliasing_output = 1 : i32}, "
                        + "%arg1: tensor<2x3xf32> {tf.aliasing_output = 2 : i32}, "
                        + "%arg2: tensor<4xi32> {tf.aliasing_output = 0 : i32}, "
                        + "%arg3: tensor<5xi32> {jax.buffer_donor = true}) -> "),
                text);
        assertFalse(StableHlo.print(program.donating(Set.of())).contains("{tf."));
    }

    private static Program sharded(String... axes) {
        return trace(in -> List.of(in.getFirst().then(new Primitive.Annotate(new Note.Sharding(List.of(axes))))), X);
    }

    @Test
    void shardingNotesPlaceValuesOnTheMesh() {
        var axes = new LinkedHashMap<String, Integer>();
        axes.put("data", 2);
        axes.put("fsdp", 4);
        prints("""
                module @test attributes {mhlo.num_partitions = 8 : i32, mhlo.num_replicas = 1 : i32} {
                  sdy.mesh @mesh = <["data"=2, "fsdp"=4]>
                  func.func public @main(%arg0: tensor<2x3xf32> {jax.buffer_donor = true}) -> (tensor<2x3xf32>) {
                    %sharding_constraint0 = sdy.sharding_constraint %arg0 <@mesh, [{"data"}, {}]> : tensor<2x3xf32>
                    return %sharding_constraint0 : tensor<2x3xf32>
                  }
                }
                """, StableHlo.print(sharded("data", "").donating(Set.of(0)), new Mesh(axes)));
    }

    @Test
    void shardingNotesThatCannotBeFollowedAreErrors() {
        fails("needs a mesh", () -> StableHlo.print(sharded("data", "")));
        var mesh = Mesh.of("data", 2);
        fails("no axis 'fsdp'; it has data", () -> StableHlo.print(sharded("", "fsdp"), mesh));
        fails("each of its 2 axes, but names 1", () -> StableHlo.print(sharded("data"), mesh));
        fails("'data' can split only one axis", () -> StableHlo.print(sharded("data", "data"), mesh));
    }

    @Test
    void anAxisMayBeSplitAlongSeveral() {
        var mesh = Mesh.parse("data=2,tensor=3,fsdp=4");
        var program = trace(in -> in, TensorType.f32(8, 6));
        var split = List.of("data+fsdp", "tensor");
        var placement = new Placement(mesh, List.of(split), List.of(List.of("fsdp+data", "")));
        var shardy = StableHlo.print(program, placement);
        assertTrue(shardy.contains("#sdy.sharding<@mesh, [{\"data\", \"fsdp\"}, {\"tensor\"}]>"), shardy);
        assertTrue(shardy.contains("#sdy.sharding<@mesh, [{\"fsdp\", \"data\"}, {}]>"), shardy);
        var gspmd = StableHlo.print(program, placement, Partitioner.GSPMD);
        assertTrue(gspmd.contains("\"{devices=[8,3]<=[2,3,4]T(0,2,1)}\""), gspmd);
        assertTrue(gspmd.contains("\"{devices=[8,1,3]<=[2,3,4]T(2,0,1) last_tile_dim_replicate}\""), gspmd);
    }

    private static void fails(String message, Runnable print) {
        var error = assertThrows(DeviceException.class, print::run);
        assertTrue(error.toString().contains(message), error::toString);
        assertTrue(error.toString().contains("f32[2,3]"), error::toString);
    }

    private static Placement onTwoAxes(Program program) {
        var axes = new LinkedHashMap<String, Integer>();
        axes.put("fsdp", 4);
        axes.put("tensor", 2);
        var split = List.of("tensor", "");
        return new Placement(
                new Mesh(axes), Collections.nCopies(program.params().size(), split), List.of(List.of("", ""), split));
    }

    private static Program twoResults() {
        return trace(
                        in -> List.of(
                                in.get(0).add(in.get(1)),
                                in.get(0).then(new Primitive.Annotate(new Note.Sharding(List.of("tensor", "fsdp"))))),
                        TensorType.f32(2, 8),
                        TensorType.f32(2, 8))
                .donating(Set.of(0, 1));
    }

    @Test
    void placedArgumentsAndResultsHaveShardings() {
        prints("""
                module @test attributes {mhlo.num_partitions = 8 : i32, mhlo.num_replicas = 1 : i32} {
                  sdy.mesh @mesh = <["fsdp"=4, "tensor"=2]>
                  func.func public @main(\
                %arg0: tensor<2x8xf32> {tf.aliasing_output = 1 : i32, sdy.sharding = #sdy.sharding<@mesh, [{"tensor"}, {}]>}, \
                %arg1: tensor<2x8xf32> {jax.buffer_donor = true, sdy.sharding = #sdy.sharding<@mesh, [{"tensor"}, {}]>}) -> (\
                tensor<2x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{}, {}]>}, \
                tensor<2x8xf32> {sdy.sharding = #sdy.sharding<@mesh, [{"tensor"}, {}]>}) {
                    %add0 = stablehlo.add %arg0, %arg1 : tensor<2x8xf32>
                    %sharding_constraint1 = sdy.sharding_constraint %arg0 <@mesh, [{"tensor"}, {"fsdp"}]> : tensor<2x8xf32>
                    return %add0, %sharding_constraint1 : tensor<2x8xf32>, tensor<2x8xf32>
                  }
                }
                """, StableHlo.print(twoResults(), onTwoAxes(twoResults())));
    }

    @Test
    void theOlderPartitionerHasItsOwnNotation() {
        prints("""
                module @test attributes {mhlo.num_partitions = 8 : i32, mhlo.num_replicas = 1 : i32} {
                  func.func public @main(\
                %arg0: tensor<2x8xf32> {tf.aliasing_output = 1 : i32, mhlo.sharding = "{devices=[2,1,4]<=[4,2]T(1,0) last_tile_dim_replicate}"}, \
                %arg1: tensor<2x8xf32> {jax.buffer_donor = true, mhlo.sharding = "{devices=[2,1,4]<=[4,2]T(1,0) last_tile_dim_replicate}"}) -> (\
                tensor<2x8xf32> {mhlo.sharding = "{replicated}"}, \
                tensor<2x8xf32> {mhlo.sharding = "{devices=[2,1,4]<=[4,2]T(1,0) last_tile_dim_replicate}"}) {
                    %add0 = stablehlo.add %arg0, %arg1 : tensor<2x8xf32>
                    %custom_call1 = stablehlo.custom_call @Sharding(%arg0) {backend_config = "", mhlo.sharding = "{devices=[2,4]<=[4,2]T(1,0)}"} : (tensor<2x8xf32>) -> tensor<2x8xf32>
                    return %add0, %custom_call1 : tensor<2x8xf32>, tensor<2x8xf32>
                  }
                }
                """, StableHlo.print(twoResults(), onTwoAxes(twoResults()), Partitioner.GSPMD));
    }

    @Test
    void loopsAreOneWhileWithAKnownNumberOfSteps() {
        prints(
                """
                module @test attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
                  func.func public @main(%arg0: tensor<3xf32>, %arg1: tensor<4x3xf32>) -> (tensor<3xf32>, tensor<4x3xf32>) {
                    %constant0 = stablehlo.constant dense<0> : tensor<i32>
                    %constant1 = stablehlo.constant dense<0.0> : tensor<4x3xf32>
                    %while16:4 = stablehlo.while(%state2 = %constant0, %state3 = %arg0, %state4 = %arg1, %state5 = %constant1) : tensor<i32>, tensor<3xf32>, tensor<4x3xf32>, tensor<4x3xf32>
                    cond {
                        %constant6 = stablehlo.constant dense<4> : tensor<i32>
                        %compare7 = stablehlo.compare LT, %state2, %constant6, SIGNED : (tensor<i32>, tensor<i32>) -> tensor<i1>
                        stablehlo.return %compare7 : tensor<i1>
                    } do {
                        %constant8 = stablehlo.constant dense<0> : tensor<i32>
                        %dynamic_slice9 = stablehlo.dynamic_slice %state4, %state2, %constant8, sizes = [1, 3] : (tensor<4x3xf32>, tensor<i32>, tensor<i32>) -> tensor<1x3xf32>
                        %reshape10 = stablehlo.reshape %dynamic_slice9 : (tensor<1x3xf32>) -> tensor<3xf32>
                        %add11 = stablehlo.add %state3, %reshape10 : tensor<3xf32>
                        %constant12 = stablehlo.constant dense<1> : tensor<i32>
                        %add13 = stablehlo.add %state2, %constant12 : tensor<i32>
                        %reshape14 = stablehlo.reshape %add11 : (tensor<3xf32>) -> tensor<1x3xf32>
                        %dynamic_update_slice15 = stablehlo.dynamic_update_slice %state5, %reshape14, %state2, %constant8 : (tensor<4x3xf32>, tensor<1x3xf32>, tensor<i32>, tensor<i32>) -> tensor<4x3xf32>
                        stablehlo.return %add13, %add11, %state4, %dynamic_update_slice15 : tensor<i32>, tensor<3xf32>, tensor<4x3xf32>, tensor<4x3xf32>
                    }
                    return %while16#1, %while16#3 : tensor<3xf32>, tensor<4x3xf32>
                  }
                }
                """,
                StableHlo.print(trace(
                        in -> Loop.over(List.of(in.get(1)))
                                .scan(
                                        (carries, _, slices) -> {
                                            var sum = carries.getFirst().add(slices.getFirst());
                                            return List.of(sum, sum);
                                        },
                                        List.of(in.getFirst())),
                        TensorType.f32(3),
                        TensorType.f32(4, 3))));
    }

    @Test
    void placementsThatDoNotFitAreErrors() {
        var placement = new Placement(Mesh.of("fsdp", 4), List.of(List.of("fsdp", "")), List.of(List.of("", "")));
        var program = trace(in -> List.of(in.getFirst().neg()), X);
        var error = assertThrows(IllegalArgumentException.class, () -> StableHlo.print(program, placement));
        assertTrue(error.toString().contains("test: parameter 0 f32[2,3]"), error::toString);
    }
}
