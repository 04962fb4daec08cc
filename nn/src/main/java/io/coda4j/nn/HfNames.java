package io.coda4j.nn;

/**
 * Tree paths as keys of Hugging Face checkpoints and back: {@code model.layers.0.selfAttn.qProj.weight} is {@code
 * model.layers.0.self_attn.q_proj.weight}.
 */
public final class HfNames {
    private HfNames() {}

    /** The checkpoint key of a tree path. */
    public static String key(String path) {
        var key = new StringBuilder();
        for (char c : path.toCharArray()) {
            if (Character.isUpperCase(c)) {
                key.append('_').append(Character.toLowerCase(c));
            } else {
                key.append(c);
            }
        }
        return key.toString();
    }

    /** The tree path of a checkpoint key. */
    public static String path(String key) {
        var path = new StringBuilder();
        boolean upper = false;
        for (char c : key.toCharArray()) {
            if (c == '_') {
                upper = true;
            } else {
                path.append(upper ? Character.toUpperCase(c) : c);
                upper = false;
            }
        }
        return path.toString();
    }
}
