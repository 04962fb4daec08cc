package io.coda4j.diffusion;

import io.coda4j.nn.json.Json;
import io.coda4j.nn.safetensors.Safetensors;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The model's forward pass written down as plainly as possible in doubles, for tests of what surrounds a model: no batches, no
 * caches, bidirectional attention.
 */
public final class NaiveTransformer {
    private final Map<String, double[]> weights = new LinkedHashMap<>();
    private final int hidden;
    private final int heads;
    private final int kvHeads;
    private final int headDim;
    private final int inner;
    private final int layers;
    private final double eps;
    private final double theta;
    private final int vocabulary;

    public NaiveTransformer(String model) {
        Json.Obj config = Fixtures.modelConfig(model);
        hidden = config.member("hidden_size").asInt();
        heads = config.member("num_attention_heads").asInt();
        kvHeads = config.member("num_key_value_heads").asInt();
        headDim = config.member("head_dim").asInt();
        inner = config.member("intermediate_size").asInt();
        layers = config.member("num_hidden_layers").asInt();
        eps = config.member("rms_norm_eps").asDouble();
        theta = config.member("rope_theta").asDouble();
        vocabulary = config.member("vocab_size").asInt();
        try (var tensors = Safetensors.open(Fixtures.model(model))) {
            tensors.entries().keySet().forEach(name -> weights.put(name, tensors.doubles(name)));
        }
    }

    public int vocabularySize() {
        return vocabulary;
    }

    /** Logits {@code [L][V]} of one row; entry i is what position i says, without any shift. */
    public double[][] logits(int[] tokens) {
        var x = new double[tokens.length][];
        for (int i = 0; i < tokens.length; i++) {
            x[i] = new double[hidden];
            System.arraycopy(weights.get("model.embed_tokens.weight"), tokens[i] * hidden, x[i], 0, hidden);
        }
        for (int layer = 0; layer < layers; layer++) {
            var at = "model.layers." + layer + ".";
            add(x, attention(norm(x, at + "input_layernorm"), at + "self_attn."));
            add(x, mlp(norm(x, at + "post_attention_layernorm"), at + "mlp."));
        }
        return project(norm(x, "model.norm"), weights.get("lm_head.weight"), vocabulary);
    }

    private static void add(double[][] x, double[][] y) {
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < x[i].length; j++) {
                x[i][j] += y[i][j];
            }
        }
    }

    private double[][] norm(double[][] x, String name) {
        var out = new double[x.length][];
        for (int i = 0; i < x.length; i++) {
            out[i] = x[i].clone();
            normalise(out[i], 0, hidden, weights.get(name + ".weight"));
        }
        return out;
    }

    private void normalise(double[] x, int from, int count, double[] weight) {
        double squares = 0;
        for (int i = 0; i < count; i++) {
            squares += x[from + i] * x[from + i];
        }
        double scale = 1 / Math.sqrt(squares / count + eps);
        for (int i = 0; i < count; i++) {
            x[from + i] *= scale * weight[i];
        }
    }

    private static double[][] project(double[][] x, double[] weight, int outputs) {
        var out = new double[x.length][outputs];
        for (int i = 0; i < x.length; i++) {
            for (int o = 0; o < outputs; o++) {
                double sum = 0;
                for (int j = 0; j < x[i].length; j++) {
                    sum += x[i][j] * weight[o * x[i].length + j];
                }
                out[i][o] = sum;
            }
        }
        return out;
    }

    private double[][] attention(double[][] x, String at) {
        var q = rotated(project(x, weights.get(at + "q_proj.weight"), heads * headDim), heads, at + "q_norm.weight");
        var k = rotated(
                project(x, weights.get(at + "k_proj.weight"), kvHeads * headDim), kvHeads, at + "k_norm.weight");
        var v = project(x, weights.get(at + "v_proj.weight"), kvHeads * headDim);
        var out = new double[x.length][heads * headDim];
        for (int head = 0; head < heads; head++) {
            int kv = head / (heads / kvHeads);
            for (int i = 0; i < x.length; i++) {
                var scores = new double[x.length];
                double sum = 0;
                for (int j = 0; j < x.length; j++) {
                    double dot = 0;
                    for (int d = 0; d < headDim; d++) {
                        dot += q[i][head * headDim + d] * k[j][kv * headDim + d];
                    }
                    scores[j] = Math.exp(dot / Math.sqrt(headDim));
                    sum += scores[j];
                }
                for (int j = 0; j < x.length; j++) {
                    for (int d = 0; d < headDim; d++) {
                        out[i][head * headDim + d] += scores[j] / sum * v[j][kv * headDim + d];
                    }
                }
            }
        }
        return project(out, weights.get(at + "o_proj.weight"), hidden);
    }

    private double[][] rotated(double[][] x, int count, String normName) {
        int half = headDim / 2;
        for (int i = 0; i < x.length; i++) {
            for (int head = 0; head < count; head++) {
                int from = head * headDim;
                normalise(x[i], from, headDim, weights.get(normName));
                for (int d = 0; d < half; d++) {
                    double angle = i * Math.pow(theta, -2.0 * d / headDim);
                    double a = x[i][from + d];
                    double b = x[i][from + half + d];
                    x[i][from + d] = a * Math.cos(angle) - b * Math.sin(angle);
                    x[i][from + half + d] = b * Math.cos(angle) + a * Math.sin(angle);
                }
            }
        }
        return x;
    }

    private double[][] mlp(double[][] x, String at) {
        var gate = project(x, weights.get(at + "gate_proj.weight"), inner);
        var up = project(x, weights.get(at + "up_proj.weight"), inner);
        for (int i = 0; i < x.length; i++) {
            for (int j = 0; j < inner; j++) {
                gate[i][j] = gate[i][j] / (1 + Math.exp(-gate[i][j])) * up[i][j];
            }
        }
        return project(gate, weights.get(at + "down_proj.weight"), hidden);
    }
}
