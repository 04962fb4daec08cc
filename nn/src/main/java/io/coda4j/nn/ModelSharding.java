package io.coda4j.nn;

import io.coda4j.tensor.ShardingPlan.Rule;
import io.coda4j.tensor.spi.Mesh;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Which axis of each parameter of a {@link LanguageModel} is split among devices, for meshes with any of the axes {@code
 * data}, {@code fsdp} and {@code tensor}. The rules hold for layers on their own and for stacked layers alike.
 *
 * <p>On {@code fsdp} alone this is the table of the CoDA training code ({@code qwen-fsdp.yaml}): every matrix is split
 * along one axis and every layer norm along its only one, so that each device holds an equal part of all weights, gathers
 * a layer's weights when it comes to it, and keeps a part of the gradients (Rajbhandari et al. 2020, stage 3). With
 * {@code tensor} the other axis of each matrix is split as well: attention by heads and the feed-forward layer by its
 * width, so that a layer needs one sum over {@code tensor} after each of its two halves (Shoeybi et al. 2019), and the
 * vocabulary by rows. Along {@code data} parameters are whole, and only the rows of a batch are split: what is gathered
 * then passes fewer devices, and each of them keeps more.
 */
public final class ModelSharding {
    private static final String DATA = "data";
    private static final String FSDP = "fsdp";
    private static final String TENSOR = "tensor";
    private static final Set<String> KNOWN = Set.of(DATA, FSDP, TENSOR);

    /** Matrices [N,K] whose rows N are vocabulary entries, heads or units of the feed-forward layer. */
    private static final List<String> BY_ROWS = List.of("embedTokens", "lmHead", "qProj", "gateProj", "upProj");

    private ModelSharding() {}

    /**
     * The rules for the parameters of a model.
     *
     * @throws IllegalArgumentException if the mesh has an axis that the table does not know
     */
    public static List<Rule> parameters(Mesh mesh) {
        for (var axis : mesh.axes().keySet()) {
            if (!KNOWN.contains(axis)) {
                throw new IllegalArgumentException("sharding: the table for models knows the mesh axes data, fsdp and"
                        + " tensor, not '" + axis + "'; give a mesh such as fsdp=64 or fsdp=16,tensor=4");
            }
        }
        var fsdp = mesh.cut(FSDP);
        var rules = new ArrayList<Rule>();
        if (mesh.axes().containsKey(TENSOR)) {
            BY_ROWS.forEach(name -> rules.add(matrix(name, TENSOR, fsdp)));
            rules.add(matrix("kProj", TENSOR, fsdp));
            rules.add(matrix("vProj", TENSOR, fsdp));
            rules.add(matrix("oProj", fsdp, TENSOR));
            rules.add(matrix("downProj", fsdp, TENSOR));
        } else {
            BY_ROWS.forEach(name -> rules.add(matrix(name, fsdp, "")));
            rules.add(matrix("kProj", "", fsdp));
            rules.add(matrix("vProj", "", fsdp));
            rules.add(matrix("oProj", fsdp, ""));
            rules.add(matrix("downProj", "", fsdp));
        }
        // The norms of queries and keys are a head wide, and stay whole.
        for (var name : List.of("inputLayernorm", "postAttentionLayernorm", "norm")) {
            rules.add(Rule.of("**." + name + ".weight", fsdp));
        }
        return List.copyOf(rules);
    }

    private static Rule matrix(String name, String rows, String columns) {
        return Rule.of("**." + name + ".weight", rows, columns);
    }

    /** What cuts the rows of a batch: the mesh axes {@code data} and {@code fsdp}, as far as there are such; see {@link Mesh}. */
    public static String rowAxis(Mesh mesh) {
        return mesh.cut(DATA, FSDP);
    }

    /** Rules for parameters, each followed by those for what {@code optimizer} keeps of such a parameter. */
    public static List<Rule> withState(List<Rule> parameters, Optimizer optimizer) {
        var rules = new ArrayList<Rule>();
        for (var rule : parameters) {
            rules.add(rule);
            rules.addAll(optimizer.stateRules(rule));
        }
        return List.copyOf(rules);
    }
}
