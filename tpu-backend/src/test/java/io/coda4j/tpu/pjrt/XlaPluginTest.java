package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.spi.Layout;
import io.coda4j.tensor.spi.Mesh;
import io.coda4j.tensor.testing.Requirement;
import io.coda4j.tpu.testing.XlaMesh;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a mesh relies on, as XLA does it. */
class XlaPluginTest {
    private static final TensorType TYPE = TensorType.f32(12, 4);
    private static final List<List<String>> SPLITS = List.of(
            List.of("", ""),
            List.of("data", ""),
            List.of("fsdp", "data"),
            List.of("data+fsdp", ""),
            List.of("fsdp+data", ""));

    private static Array counting() {
        return Array.of(
                TYPE, IntStream.range(0, (int) TYPE.size()).asDoubleStream().toArray());
    }

    /** From every split to every other: XLA's devices have the parts that ours have. */
    @Test
    void valuesAreMovedToWhereTheyAreWanted() {
        Requirement.require("xla", XlaMesh.unusableBecause());
        try (var device = (PjrtDevice) XlaPlugin.open("xla", Mesh.parse("data=2,fsdp=3"))) {
            for (var from : SPLITS) {
                for (var to : SPLITS) {
                    try (var x = counting();
                            var there = x.to(device, from);
                            var moved = device.moved(PjrtValue.of(there.buffer()), to);
                            var again = new Array(TYPE, moved)) {
                        assertEquals(to, moved.split());
                        assertArrayEquals(x.toFloats(), again.toFloats(), from + " to " + to);
                    }
                }
            }
        }
    }

    @Test
    void aProgramThatPlacesNothingTakesSplitArguments() {
        Requirement.require("xla", XlaMesh.unusableBecause());
        var program =
                Trace.of("product", in -> List.of(in.get(0).matmul(in.get(1).transpose(1, 0))), List.of(TYPE, TYPE));
        try (var device = XlaPlugin.open("xla", Mesh.parse("data=2,fsdp=3"));
                var executable = device.compile(program, Layout.DENSE);
                var _ = Scope.open()) {
            var x = counting();
            var expected = ((Array) x.matmul(x.transpose(1, 0))).toFloats();
            for (var split : SPLITS) {
                var got = executable.run(List.of(x.to(device, split), x.to(device, SPLITS.get(2))));
                assertArrayEquals(expected, got.getFirst().toFloats(), split.toString());
            }
        }
    }
}
