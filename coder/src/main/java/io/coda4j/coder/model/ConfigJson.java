package io.coda4j.coder.model;

import io.coda4j.nn.TransformerConfig;
import io.coda4j.nn.files.FailureReason;
import io.coda4j.tensor.Primitive.AttentionMask;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads and writes {@code config.json} of CoDA and Qwen3 models.
 *
 * <p>Reading is strict about what changes results (activation, biases, rotary scaling) and about types and ranges. The
 * key {@code coda4j_shift} is this project's own: false for models whose hidden states predict their own position.
 */
final class ConfigJson {
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .build();
    private static final String QUANTIZATION = "quantization_config";
    private static final String METHOD = "quant_method";
    private static final String INT8 = "coda4j-int8";
    private static final String ARCHITECTURES = "architectures";
    private static final String MODEL_TYPE = "model_type";
    private static final String CODA = "CoDALanguageModel";
    private static final String QWEN3 = "Qwen3ForCausalLM";
    private static final String ROPE_PARAMETERS = "rope_parameters";
    private static final String ROPE_THETA = "rope_theta";
    private static final String ROPE_TYPE = "rope_type";

    private final Path file;
    private final ObjectNode root;

    private ConfigJson(Path file, ObjectNode root) {
        this.file = file;
        this.root = root;
    }

    static CodaConfig read(Path file) {
        try {
            return parse(Files.readString(file), file);
        } catch (NoSuchFileException e) {
            throw new ModelException(file, "no such file; a model folder holds config.json and *.safetensors", e);
        } catch (IOException e) {
            throw new ModelException(file, "cannot be read: " + FailureReason.of(e), e);
        }
    }

    static CodaConfig parse(String json, Path file) {
        return new ConfigJson(file, root(json, file)).config();
    }

    private static ObjectNode root(String json, Path file) {
        try {
            var root = MAPPER.readTree(json);
            if (root instanceof ObjectNode object) {
                return object;
            }
            throw new ModelException(
                    file,
                    "expected a JSON object, got "
                            + (root.isMissingNode()
                                    ? "an empty file"
                                    : root.getNodeType().toString()));
        } catch (JacksonException e) {
            throw new ModelException(file, "is not valid JSON: " + e.getOriginalMessage(), e);
        }
    }

    private CodaConfig config() {
        checkSupported();
        int heads = positive("num_attention_heads");
        int hidden = positive("hidden_size");
        int vocabulary = positive("vocab_size");
        int pad = token("pad_token_id", vocabulary);
        try {
            var transformer = new TransformerConfig(
                    vocabulary,
                    hidden,
                    positive("num_hidden_layers"),
                    heads,
                    has("num_key_value_heads") ? positive("num_key_value_heads") : heads,
                    has("head_dim") ? positive("head_dim") : hidden / heads,
                    positive("intermediate_size"),
                    ropeTheta(),
                    positiveNumber(root, "rms_norm_eps", 1e-6),
                    // Where Qwen3 says nothing it is tied, which is the library's default; CoDA says nothing and is
                    // not.
                    flag("tie_word_embeddings", !isDiffusion()),
                    pad);
            return new CodaConfig(
                    transformer,
                    token("mask_token_id", vocabulary),
                    token("eos_token_id", vocabulary),
                    isDiffusion() ? AttentionMask.FULL : AttentionMask.CAUSAL,
                    flag("coda4j_shift", true),
                    has("max_position_embeddings") ? positive("max_position_embeddings") : 32_768);
        } catch (IllegalArgumentException e) {
            throw new ModelException(file, String.valueOf(e.getMessage()), e);
        }
    }

    /** Settings that this engine computes in one way only. */
    private void checkSupported() {
        checkKind();
        var activation = root.path("hidden_act");
        require(
                activation.isMissingNode()
                        || activation.isString() && activation.stringValue().equals("silu"),
                "\"hidden_act\": expected \"silu\", got " + activation);
        require(!flag("attention_bias", false), "\"attention_bias\": models with attention biases are not supported");
        require(
                !flag("use_sliding_window", false),
                "\"use_sliding_window\": expected false, because attention here reaches all positions, got true");
        for (var layer : root.path("layer_types")) {
            require(
                    layer.asString("").equals("full_attention"),
                    "\"layer_types\": expected \"full_attention\" for each layer, got " + layer);
        }
        var scaling = root.path("rope_scaling");
        boolean unscaled = scaling.isMissingNode()
                || scaling.isNull()
                // What newer versions of the transformers library write for "none".
                || scaling.path(ROPE_TYPE).asString("").equals("default");
        require(unscaled, "\"rope_scaling\": expected null, got " + scaling);
        require(
                !has(ROPE_PARAMETERS) || isPlainRope(root.get(ROPE_PARAMETERS)),
                "\"" + ROPE_PARAMETERS + "\": expected {\"" + ROPE_THETA + "\": ..., \"" + ROPE_TYPE
                        + "\": \"default\"}, got " + root.path(ROPE_PARAMETERS));
        var method = root.path(QUANTIZATION).path(METHOD);
        require(
                !has(QUANTIZATION) || method.asString("").equals(INT8),
                "\"" + QUANTIZATION + "\": only weights quantised by coda quantize can be read (\"" + METHOD + "\": \""
                        + INT8 + "\"), got " + method);
    }

    /** Other models may have tensors of the same names and compute something else with them. */
    private void checkKind() {
        var names = root.path(ARCHITECTURES);
        require(!has(ARCHITECTURES) || names.isArray(), "\"" + ARCHITECTURES + "\": expected a list, got " + names);
        for (var name : names) {
            require(
                    name.asString("").equals(CODA) || name.asString("").equals(QWEN3),
                    "\"" + ARCHITECTURES + "\": expected \"" + CODA + "\" or \"" + QWEN3 + "\", got " + name);
        }
        var type = root.path(MODEL_TYPE);
        require(
                !has(MODEL_TYPE)
                        || type.asString("").equalsIgnoreCase("coda")
                        || type.asString("").equals("qwen3"),
                "\"" + MODEL_TYPE + "\": expected \"CoDA\" or \"qwen3\", got " + type);
    }

    /** Whether rotary parameters state a base and nothing else that changes the angles. */
    private static boolean isPlainRope(JsonNode rope) {
        return rope.isObject()
                && rope.path(ROPE_TYPE).asString("default").equals("default")
                && Set.of(ROPE_THETA, ROPE_TYPE).containsAll(rope.propertyNames());
    }

    /** Version 5 of the transformers library has moved the base into the rotary parameters. */
    private double ropeTheta() {
        double outside = positiveNumber(root, ROPE_THETA, 10_000);
        return root.path(ROPE_PARAMETERS) instanceof ObjectNode rope
                ? positiveNumber(rope, ROPE_THETA, outside)
                : outside;
    }

    /**
     * The text of {@code file}, a {@code config.json}, marked as that of a checkpoint with INT8 weights.
     *
     * @throws ModelException if it is marked already
     */
    static String quantized(String json, Path file) {
        var config = new ConfigJson(file, root(json, file));
        config.require(
                !config.has(QUANTIZATION), "the checkpoint is quantised already: \"" + QUANTIZATION + "\" is there");
        var mark = config.root.putObject(QUANTIZATION);
        mark.put(METHOD, INT8);
        mark.put("weights", "I8 [N,K] as X.weight, F32 [N] as X.weight_scale; X = weight * weight_scale");
        mark.put("activations", "F32, or rounded to 8 bits row by row when they are multiplied");
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString((JsonNode) config.root) + "\n";
    }

    private boolean isDiffusion() {
        for (var name : root.path(ARCHITECTURES)) {
            if (name.isString() && name.stringValue().equals(CODA)) {
                return true;
            }
        }
        return root.path(MODEL_TYPE).asString("").equalsIgnoreCase("coda");
    }

    private boolean has(String key) {
        return root.has(key) && !root.get(key).isNull();
    }

    private int positive(String key) {
        require(has(key), "\"" + key + "\" is missing");
        var value = root.get(key);
        require(value.isInt() && value.intValue() > 0, "\"" + key + "\": expected a positive integer, got " + value);
        return value.intValue();
    }

    private double positiveNumber(ObjectNode object, String key, double missing) {
        var value = object.path(key);
        if (value.isMissingNode() || value.isNull()) {
            return missing;
        }
        require(
                value.isNumber() && value.doubleValue() > 0,
                "\"" + key + "\": expected a positive number, got " + value);
        return value.doubleValue();
    }

    private boolean flag(String key, boolean missing) {
        var value = has(key) ? root.get(key) : null;
        require(value == null || value.isBoolean(), "\"" + key + "\": expected true or false, got " + value);
        return value == null ? missing : value.booleanValue();
    }

    private int token(String key, int vocabulary) {
        if (!has(key)) {
            return -1;
        }
        var value = root.get(key);
        require(
                value.isInt() && value.intValue() >= 0 && value.intValue() < vocabulary,
                "\"" + key + "\": expected a token id in 0.." + (vocabulary - 1) + ", got " + value);
        return value.intValue();
    }

    private void require(boolean holds, String problem) {
        if (!holds) {
            throw new ModelException(file, problem);
        }
    }

    /** The JSON text of a configuration. */
    static String write(CodaConfig config, String storedType) {
        var t = config.transformer();
        var root = MAPPER.createObjectNode();
        root.putArray(ARCHITECTURES).add(CODA);
        root.put(MODEL_TYPE, "CoDA");
        root.put("vocab_size", t.vocabulary());
        root.put("hidden_size", t.hidden());
        root.put("num_hidden_layers", t.layers());
        root.put("num_attention_heads", t.heads());
        root.put("num_key_value_heads", t.kvHeads());
        root.put("head_dim", t.headDim());
        root.put("intermediate_size", t.intermediate());
        root.put("max_position_embeddings", config.maxPositions());
        root.put("hidden_act", "silu");
        root.put("attention_bias", false);
        root.put(ROPE_THETA, t.ropeTheta());
        root.putNull("rope_scaling");
        root.put("rms_norm_eps", t.normEps());
        root.put("tie_word_embeddings", t.tied());
        putToken(root, "mask_token_id", config.maskToken());
        putToken(root, "pad_token_id", config.padToken());
        putToken(root, "eos_token_id", config.eosToken());
        root.put("torch_dtype", storedType);
        root.put("coda4j_shift", config.shift());
        return MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString((JsonNode) root) + "\n";
    }

    private static void putToken(ObjectNode root, String key, int token) {
        if (token >= 0) {
            root.put(key, token);
        }
    }
}
