package io.coda4j.bench.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.coda4j.nn.TransformerConfig;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The statements of TorchScript that run a {@link io.coda4j.nn.Transformer}, one operation of PyTorch after the other.
 *
 * <p>They read the tensors {@code ids} I64[rows,length], {@code cos} and {@code sin} (see {@link #rotations}) and the
 * parameters, and leave the hidden states [rows,length,D] in {@code x}.
 */
final class TransformerScript {
    /** What becomes of keys and values. */
    private enum Caching {
        /** They are forgotten after their layer. */
        NONE,
        /** Those of layer i stay in {@code k_i} and {@code v_i}. */
        KEPT,
        /** They are written to {@code caches} [2 layers,1,S,K,d], and attention sees all that is there. */
        WRITTEN
    }

    private final TransformerConfig model;
    private final int rows;
    private final int length;
    private final Map<String, String> names;
    private final Caching caching;
    private final int start;
    private final boolean autocasts;
    private final StringBuilder body = new StringBuilder();

    private TransformerScript(
            TransformerConfig model,
            int rows,
            int length,
            Map<String, String> names,
            Caching caching,
            int start,
            boolean autocasts) {
        this.model = model;
        this.rows = rows;
        this.length = length;
        this.names = names;
        this.caching = caching;
        this.start = start;
        this.autocasts = autocasts;
    }

    /**
     * A pass over whole rows.
     *
     * @param names of the parameters in the script by their path in the model
     */
    static String whole(TransformerConfig model, int rows, int length, Map<String, String> names) {
        return new TransformerScript(model, rows, length, names, Caching.NONE, 0, false).statements();
    }

    /**
     * As {@link #whole}, with the casts that {@code torch.autocast} puts before products and attention: these compute in BF16,
     * over parameters in F32.
     */
    static String autocast(TransformerConfig model, int rows, int length, Map<String, String> names) {
        return new TransformerScript(model, rows, length, names, Caching.NONE, 0, true).statements();
    }

    /** The product of {@code x} and the transpose of {@code weight} as autocast computes it. */
    static String autocastLinear(String x, String weight) {
        return "torch.linear(%s, %s)".formatted(narrow(x), narrow(weight));
    }

    /** What is added to the states; the sum would widen it by itself, but TorchScript has no gradient for that. */
    private String wide(String x) {
        return autocasts ? converted(x, TorchEngine.FLOAT32) : x;
    }

    private static String narrow(String x) {
        return converted(x, TorchEngine.BFLOAT16);
    }

    /** {@code x} in the element type that has this number in PyTorch. */
    static String converted(String x, int type) {
        return "torch.to(%s, %d, False, False, None)".formatted(x, type);
    }

    /** As {@link #whole} over one row; returns keys and values of all layers, [2 layers,1,length,K,d]. */
    static String caches(TransformerConfig model, int length, Map<String, String> names) {
        var script = new TransformerScript(model, 1, length, names, Caching.KEPT, 0, false);
        var kept = new StringBuilder();
        for (int i = 0; i < model.layers(); i++) {
            kept.append(i == 0 ? "" : ", ").append("k_%d, v_%d".formatted(i, i));
        }
        return script.statements() + "return torch.stack([" + kept + "], 0)\n";
    }

    /** A pass over the columns from {@code start} on, over what {@code caches} holds of the others. */
    static String window(TransformerConfig model, int start, int length, Map<String, String> names) {
        return new TransformerScript(model, 1, length, names, Caching.WRITTEN, start, false).statements();
    }

    /** Cosines and sines, each [length,1,d], of the positions from {@code start} on; a frequency for both halves of a head. */
    static List<NDArray> rotations(NDManager manager, TransformerConfig model, int start, int length) {
        int width = model.headDim();
        var cos = new float[length * width];
        var sin = new float[length * width];
        for (int t = 0; t < length; t++) {
            for (int i = 0; i < width; i++) {
                double frequency = Math.pow(model.ropeTheta(), -2.0 * (i % (width / 2)) / width);
                cos[t * width + i] = (float) Math.cos((start + t) * frequency);
                sin[t * width + i] = (float) Math.sin((start + t) * frequency);
            }
        }
        var shape = new Shape(length, 1, width);
        return List.of(manager.create(cos, shape), manager.create(sin, shape));
    }

    private String statements() {
        body.append("x = torch.embedding(%s, ids)\n".formatted(name("model.embedTokens.weight")));
        for (int i = 0; i < model.layers(); i++) {
            layer(i, "model.layers." + i + ".");
        }
        norm("x", "x", "model.norm.weight", model.hidden());
        return body.toString();
    }

    private void layer(int index, String path) {
        norm("h", "x", path + "inputLayernorm.weight", model.hidden());
        heads("q", path + "selfAttn.qProj.weight", model.heads());
        heads("k", path + "selfAttn.kProj.weight", model.kvHeads());
        heads("v", path + "selfAttn.vProj.weight", model.kvHeads());
        rotate("q", path + "selfAttn.qNorm.weight");
        rotate("k", path + "selfAttn.kNorm.weight");
        cache(index);
        if (autocasts) {
            for (var x : List.of("q", "k", "v")) {
                body.append("%s = %s\n".formatted(x, narrow(x)));
            }
        }
        body.append("""
                q = torch.transpose(q, 1, 2)
                k = torch.transpose(k, 1, 2)
                v = torch.transpose(v, 1, 2)
                a = torch.scaled_dot_product_attention(q, k, v, None, 0., False, scale=None, enable_gqa=%s)
                a = torch.reshape(torch.transpose(a, 1, 2), [%d, %d, %d])
                x = torch.add(x, %s)
                """.formatted(
                        model.heads() == model.kvHeads() ? "False" : "True",
                        rows,
                        length,
                        model.heads() * model.headDim(),
                        wide(linear("a", path + "selfAttn.oProj.weight"))));
        norm("h", "x", path + "postAttentionLayernorm.weight", model.hidden());
        body.append("""
                g = torch.silu(%s)
                u = %s
                x = torch.add(x, %s)
                """.formatted(
                        linear("h", path + "mlp.gateProj.weight"),
                        linear("h", path + "mlp.upProj.weight"),
                        wide(linear("torch.mul(g, u)", path + "mlp.downProj.weight"))));
    }

    private void cache(int index) {
        switch (caching) {
            case NONE -> {}
            case KEPT -> body.append("k_%1$d = k\nv_%1$d = v\n".formatted(index));
            case WRITTEN -> {
                write("k", 2 * index);
                write("v", 2 * index + 1);
            }
        }
    }

    private void write(String x, int index) {
        body.append("""
                s = torch.select(caches, 0, %2$d)
                w = torch.copy_(torch.slice(s, 1, %3$d, %4$d), %1$s)
                %1$s = s
                """.formatted(x, index, start, start + length));
    }

    private void norm(String to, String from, String path, int width) {
        body.append("%s = torch.rms_norm(%s, [%d], %s, %s)\n"
                .formatted(to, from, width, name(path), String.format(Locale.ROOT, "%.1e", model.normEps())));
    }

    private void heads(String to, String path, int heads) {
        body.append("%s = torch.reshape(%s, [%d, %d, %d, %d])\n"
                .formatted(to, linear("h", path), rows, length, heads, model.headDim()));
    }

    private String linear(String x, String path) {
        return autocasts ? autocastLinear(x, name(path)) : "torch.linear(%s, %s)".formatted(x, name(path));
    }

    private void rotate(String x, String path) {
        norm(x, x, path, model.headDim());
        body.append(rotation(x, model));
    }

    /** Statements that rotate {@code x} [rows,length,heads,d] by {@code cos} and {@code sin}. */
    static String rotation(String x, TransformerConfig model) {
        int width = model.headDim();
        return """
                l = torch.slice(%1$s, 3, 0, %2$d)
                r = torch.slice(%1$s, 3, %2$d, %3$d)
                %1$s = torch.add(torch.mul(%1$s, cos), torch.mul(torch.cat([torch.neg(r), l], 3), sin))
                """.formatted(x, width / 2, width);
    }

    private String name(String path) {
        var name = names.get(path);
        if (name == null) {
            throw new IllegalStateException("the model has no parameter " + path + "; it has " + names.keySet());
        }
        return name;
    }
}
