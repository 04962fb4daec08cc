package io.coda4j.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class TreeTest {
    public record Linear(Tensor weight, @Nullable Tensor bias) {}

    public record Block(Linear up, Linear down, double eps) {}

    public record Model(Tensor embedding, List<Block> layers, Map<String, Tensor> extra, String name) {}

    public record Positive(Tensor x) {
        public Positive {
            if (x.rank() != 1) {
                throw new ShapeException("positive: x must have rank 1");
            }
        }
    }

    private static Symbol symbol(int... dims) {
        return new Symbol(TensorType.f32(dims));
    }

    private static Model model(int layers) {
        var blocks = new ArrayList<Block>();
        for (int i = 0; i < layers; i++) {
            blocks.add(new Block(new Linear(symbol(4, 2), symbol(4)), new Linear(symbol(2, 4), null), 1e-6));
        }
        var extra = new LinkedHashMap<String, Tensor>();
        extra.put("z", symbol());
        extra.put("a", symbol(1));
        return new Model(symbol(5, 2), blocks, extra, "m");
    }

    @Test
    void pathsFollowTheOrderOfDeclaration() {
        assertEquals(
                List.of(
                        "embedding",
                        "layers.0.up.weight",
                        "layers.0.up.bias",
                        "layers.0.down.weight",
                        "layers.1.up.weight",
                        "layers.1.up.bias",
                        "layers.1.down.weight",
                        "extra.z",
                        "extra.a"),
                List.copyOf(Tree.leaves(model(2)).keySet()));
    }

    @Test
    void tensorAloneHasTheEmptyPath() {
        assertEquals(List.of(""), List.copyOf(Tree.leaves(symbol()).keySet()));
    }

    @Test
    void nullHasNoTensors() {
        assertEquals(Map.of(), Tree.leaves(null));
        assertEquals(Map.of(), Tree.leaves(Arrays.asList(null, 3, "x")));
    }

    @Test
    void mapReplacesTensorsAndKeepsEverythingElse() {
        var model = model(1);
        var doubled = Tree.map(model, (path, leaf) -> new Symbol(leaf.type().as(DType.F64)));
        assertEquals(DType.F64, doubled.layers().getFirst().up().weight().dtype());
        assertNull(doubled.layers().getFirst().down().bias());
        assertEquals(1e-6, doubled.layers().getFirst().eps());
        assertEquals("m", doubled.name());
        assertEquals(List.of("z", "a"), List.copyOf(doubled.extra().keySet()));
        assertEquals(DType.F32, model.embedding().dtype());
    }

    @Test
    void tensorsAreTheLeavesInTheirOrder() {
        var model = model(2);
        assertEquals(List.copyOf(Tree.leaves(model).values()), Tree.tensors(model));
        assertEquals(List.of(), Tree.tensors(null));
    }

    @Test
    void aTreeIsFilledInTheOrderOfItsTensors() {
        var model = model(2);
        var others = Tree.tensors(model).stream()
                .map(tensor -> new Symbol(tensor.type().as(DType.F64)))
                .toList();
        var filled = Tree.filled(model, others);
        assertEquals(others, Tree.tensors(filled));
        assertEquals(Tree.leaves(model).keySet(), Tree.leaves(filled).keySet());
        assertEquals("m", filled.name());
        assertThrows(NoSuchElementException.class, () -> Tree.filled(model, others.subList(1, others.size())));
        assertThrows(IllegalArgumentException.class, () -> Tree.filled(model(1), others));
    }

    /** Trees that differ from one another in one thing each. */
    private static List<@Nullable Object> different() {
        var model = model(1);
        var extra = new LinkedHashMap<>(model.extra());
        extra.put("b", symbol());
        var block = model.layers().getFirst();
        return Arrays.asList(
                model,
                model(2),
                model(0),
                new Model(symbol(5, 3), model.layers(), model.extra(), "m"),
                new Model(model.embedding(), model.layers(), extra, "m"),
                new Model(model.embedding(), model.layers(), Map.of("a", symbol(1)), "m"),
                new Model(model.embedding(), model.layers(), model.extra(), "n"),
                new Model(model.embedding(), List.of(new Block(block.up(), block.up(), 1e-6)), model.extra(), "m"),
                new Model(model.embedding(), List.of(new Block(block.up(), block.down(), 1e-5)), model.extra(), "m"),
                List.of(model),
                List.of(model, model),
                List.of(),
                Map.of(),
                Map.of("x", symbol()),
                Map.of("y", symbol()),
                symbol(),
                symbol(1),
                "m",
                0,
                null);
    }

    @Test
    void aStructureIsRecognised() {
        for (var tree : different()) {
            for (var other : different()) {
                assertEquals(
                        Tree.structure(tree).equals(Tree.structure(other)),
                        Tree.hasStructure(tree, Tree.structure(other)),
                        () -> tree + " and " + other);
            }
        }
        assertFalse(Tree.hasStructure(model(1), Tree.structure(model(1)).subList(0, 3)));
    }

    @Test
    void recordWhoseTensorsStayIsNotCopied() {
        var linear = new Linear(symbol(2), null);
        assertSame(linear, Tree.map(linear, (path, leaf) -> leaf));
    }

    @Test
    void zipPairsTensorsByPath() {
        var left = new Linear(symbol(2), symbol(3));
        var right = new Linear(symbol(4), symbol(5));
        var pairs = new ArrayList<List<TensorType>>();
        Tree.zip(left, right, (a, b) -> {
            pairs.add(List.of(a.type(), b.type()));
            return b;
        });
        assertEquals(
                List.of(List.of(TensorType.f32(2), TensorType.f32(4)), List.of(TensorType.f32(3), TensorType.f32(5))),
                pairs);
    }

    @Test
    void zipNamesThePathThatIsMissing() {
        var error = assertThrows(
                IllegalArgumentException.class,
                () -> Tree.zip(new Linear(symbol(), symbol()), new Linear(symbol(), null), (a, b) -> a));
        assertEquals("tree: the right tree has no tensor at 'bias'", error.getMessage());
    }

    @Test
    void structureTellsApartWhatTracesDifferently() {
        assertEquals(Tree.structure(model(2)), Tree.structure(model(2)));
        assertNotEquals(Tree.structure(model(2)), Tree.structure(model(1)));
        assertNotEquals(Tree.structure(new Linear(symbol(2), null)), Tree.structure(new Linear(symbol(3), null)));
        assertNotEquals(Tree.structure(new Linear(symbol(2), null)), Tree.structure(new Linear(symbol(2), symbol())));
        var block = model(1).layers().getFirst();
        assertNotEquals(Tree.structure(block), Tree.structure(new Block(block.up(), block.down(), 1e-5)));
        assertNotEquals(Tree.structure(List.of(symbol())), Tree.structure(symbol()));
        assertNotEquals(Tree.structure(Map.of("a", symbol())), Tree.structure(Map.of("b", symbol())));
    }

    /** Lists and maps end somewhere: the same tensors grouped otherwise are another structure. */
    @Test
    void structureTellsApartHowTensorsAreGrouped() {
        var a = symbol();
        var ab = List.of(Map.of("x", a), Map.of("y", a));
        var nested = new LinkedHashMap<String, Object>();
        nested.put("x", a);
        nested.put("y", a);
        assertNotEquals(Tree.structure(ab), Tree.structure(List.of(nested, Map.of())));
        assertNotEquals(Tree.structure(List.of(List.of(a), a)), Tree.structure(List.of(List.of(a, a))));
    }

    @Test
    void structureDoesNotConfuseStringsWithItsOwnMarks() {
        assertNotEquals(Tree.structure(Arrays.asList((Object) null)), Tree.structure(List.of("null")));
    }

    @Test
    void errorsOfAConstructorPassThrough() {
        var error = assertThrows(
                ShapeException.class, () -> Tree.map(new Positive(symbol(1)), (path, leaf) -> symbol(1, 1)));
        assertEquals("positive: x must have rank 1", error.getMessage());
    }
}
