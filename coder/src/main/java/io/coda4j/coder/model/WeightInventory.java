package io.coda4j.coder.model;

import io.coda4j.nn.HfNames;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.StoredType;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Symbol;
import io.coda4j.tensor.TensorType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * The tensors of a checkpoint beside those that its configuration asks for. The answers come from the headers of the
 * files, apart from a glance at the head.
 */
public final class WeightInventory {
    static final String HEAD = "lm_head.weight";
    private static final String EMBEDDING = "model.embed_tokens.weight";

    private final Path folder;
    private final CodaConfig declared;
    private final CodaConfig config;
    private final Safetensors weights;
    private final SequencedMap<String, TensorType> expected = new LinkedHashMap<>();

    /**
     * An inventory of {@code weights}, which must stay open.
     *
     * @param declared what {@code folder/config.json} says
     * @throws ModelException if there are more layers than tensors
     */
    public WeightInventory(Path folder, CodaConfig declared, Safetensors weights) {
        this.folder = folder;
        this.declared = declared;
        this.weights = weights;
        // An own head in the file wins over the flag: the reference's flag is known to be wrong.
        this.config = declared.withTied(!weights.contains(HEAD));
        int layers = config.transformer().layers();
        if (layers > weights.entries().size()) {
            // Before a model of so many layers is made.
            throw new ModelException(
                    folder.resolve("config.json"),
                    "\"num_hidden_layers\": " + layers + " layers, but the safetensors files hold only "
                            + weights.entries().size() + " tensors");
        }
        config.transformer().build(DType.F32, (path, type) -> new Symbol(expect(HfNames.key(path), type)));
    }

    /** Matrices may be I8, save the embedding, whose rows are looked up. */
    private TensorType expect(String key, TensorType type) {
        boolean isInt8 = type.rank() == 2
                && !key.equals(EMBEDDING)
                && weights.contains(key)
                && weights.entry(key).type() == StoredType.I8;
        var expectedType = isInt8 ? type.as(DType.I8) : type;
        expected.put(key, expectedType);
        return expectedType;
    }

    /** Whether some weights are I8. */
    public boolean isQuantized() {
        return expected.values().stream().anyMatch(type -> type.dtype() == DType.I8);
    }

    /** The configuration with {@code tied} as the weights have it. */
    public CodaConfig config() {
        return config;
    }

    /** The tensors that the configuration asks for, by their keys: F32, or I8 where the checkpoint's are. */
    public SequencedMap<String, TensorType> expected() {
        return expected;
    }

    /** Tensors that are asked for and missing, or there and not asked for. */
    public List<ModelException> strangers() {
        var problems = new ArrayList<ModelException>();
        expected.forEach((key, type) -> {
            if (!weights.contains(key)) {
                problems.add(new ModelException(
                        folder, "tensor \"" + key + "\" of type " + type + " is missing from the safetensors files"));
            }
        });
        for (var name : weights.entries().keySet()) {
            if (!expected.containsKey(name)) {
                problems.add(new ModelException(
                        folder, "tensor \"" + name + "\" has no place in the model that config.json describes"));
            }
        }
        return problems;
    }

    /** Tensors of another shape or of integers. */
    public List<ModelException> misfits() {
        var problems = new ArrayList<ModelException>();
        expected.forEach((key, type) -> {
            if (weights.contains(key)) {
                misfit(key, type, problems);
            }
        });
        return problems;
    }

    private void misfit(String key, TensorType type, List<ModelException> problems) {
        var entry = weights.entry(key);
        var dims = Arrays.stream(type.shape().dims()).asLongStream().toArray();
        if (!Arrays.equals(entry.shape(), dims)) {
            problems.add(new ModelException(
                    entry.file(),
                    "tensor \"" + key + "\" has shape " + Arrays.toString(entry.shape()) + ", config.json asks for "
                            + type.shape()));
        }
        if (type.dtype() == DType.I8) {
            return;
        }
        switch (entry.type()) {
            case F16, BF16, F32, F64 -> {}
            case BOOL, U8, I8, I16, U16, I32, U32, I64, U64 ->
                problems.add(new ModelException(
                        entry.file(), "tensor \"" + key + "\" is " + entry.type() + ", weights must be floats"));
        }
    }

    /**
     * What is wrong with the head. It may be missing only where the configuration ties it to the embedding, and equal the
     * embedding only there: loaders that tie silently have cost users of CoDA all accuracy (quirk Q17).
     */
    public List<ModelException> headProblems() {
        boolean isTied = declared.transformer().tied();
        if (!weights.contains(HEAD)) {
            return isTied
                    ? List.of()
                    : List.of(new ModelException(
                            folder,
                            "tensor \"" + HEAD + "\" is missing and config.json does not tie the head to the embedding;"
                                    + " fetch all weight files, or set \"tie_word_embeddings\": true if the model was"
                                    + " trained tied"));
        }
        if (isTied || !weights.contains(EMBEDDING)) {
            return List.of();
        }
        return weights.bytes(HEAD).mismatch(weights.bytes(EMBEDDING)) >= 0
                ? List.of()
                : List.of(new ModelException(
                        folder,
                        "tensor \"" + HEAD + "\" equals \"" + EMBEDDING + "\" bit by bit although config.json does not"
                                + " tie them: the file was written by a program that tied them silently; fetch the"
                                + " original, or set \"tie_word_embeddings\": true if it is meant"));
    }

    /**
     * Demands that nothing is wrong.
     *
     * @throws ModelException the first problem
     */
    void requireSound() {
        for (var problems : List.of(headProblems(), misfits(), strangers())) {
            if (!problems.isEmpty()) {
                throw problems.getFirst();
            }
        }
    }
}
