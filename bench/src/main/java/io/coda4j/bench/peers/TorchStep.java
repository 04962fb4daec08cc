package io.coda4j.bench.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.coda4j.bench.Workload;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.Tree;
import io.coda4j.tensor.spi.Devices;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/**
 * The training step of {@link Workload} in PyTorch: the same model with the same weights, its operations called one by
 * one, gradients by its autograd, and an update in place as its AdamW does it for each parameter.
 */
final class TorchStep implements Engine.Task {
    private final NDManager manager;
    private final Workload workload;
    private final DType dtype;
    private final Map<String, String> names = new LinkedHashMap<>();
    private final NDList parameters = new NDList();
    private final NDList constants = new NDList();
    private final NDList moments = new NDList();
    private final TorchScript loss;
    private final TorchScript update;
    private float lastLoss;

    /** In F32, or with products and attention in {@code dtype} as {@code torch.autocast} has them. */
    TorchStep(NDManager manager, Workload workload, DType dtype) {
        this.manager = manager;
        this.workload = workload;
        this.dtype = dtype;
        try (var _ = Scope.open()) {
            var input = workload.input(Devices.defaultDevice());
            Tree.leaves(input.state().model()).forEach(this::addParameter);
            var batch = input.batch();
            constants.add(integers(batch.noisyIds()));
            constants.add(integers(Objects.requireNonNull(batch.hiddenRows())));
            constants.add(integers(batch.targets()));
            constants.add(floats(batch.weights()));
        }
        constants.addAll(TransformerScript.rotations(manager, workload.model(), 0, workload.length()));
        var arguments = new ArrayList<>(List.of("ids", "rows", "targets", "weights", "cos", "sin"));
        arguments.addAll(names.values());
        loss = new TorchScript(manager, arguments, forward());
        update = new TorchScript(manager, updateArguments(), updateBody());
    }

    private void addParameter(String path, Tensor value) {
        names.put(path, "p" + names.size());
        var parameter = floats(value);
        moments.add(manager.zeros(parameter.getShape()));
        moments.add(manager.zeros(parameter.getShape()));
        parameter.setRequiresGradient(true);
        parameters.add(parameter);
    }

    private NDArray floats(Tensor tensor) {
        return manager.create(((Array) tensor).toFloats(), shape(tensor));
    }

    private NDArray integers(Tensor tensor) {
        return manager.create(((Array) tensor).toInts(), shape(tensor)).toType(DataType.INT64, false);
    }

    private static Shape shape(Tensor tensor) {
        return new Shape(Arrays.stream(tensor.shape().dims()).asLongStream().toArray());
    }

    private String forward() {
        var model = workload.model();
        boolean autocasts = dtype == DType.BF16;
        var pass = autocasts
                ? TransformerScript.autocast(model, workload.rows(), workload.length(), names)
                : TransformerScript.whole(model, workload.rows(), workload.length(), names);
        var body = new StringBuilder(pass);
        body.append("x = torch.reshape(x, [%d, %d])\n".formatted(workload.tokens(), model.hidden()));
        body.append("x = torch.index_select(x, 0, rows)\n");
        var head = Objects.requireNonNull(names.get("model.embedTokens.weight"));
        var logits = autocasts
                ? TransformerScript.converted(TransformerScript.autocastLinear("x", head), TorchEngine.FLOAT32)
                : "torch.linear(x, %s)".formatted(head);
        body.append("logits = ").append(logits).append('\n');
        body.append("losses = torch.cross_entropy_loss(logits, targets, None, 0, -100, 0.)\n");
        body.append("return torch.sum(torch.mul(losses, weights))\n");
        return body.toString();
    }

    private List<String> updateArguments() {
        var arguments = new ArrayList<>(List.of("c1", "c2"));
        for (var prefix : List.of("p", "g")) {
            for (int i = 0; i < names.size(); i++) {
                arguments.add(prefix + i);
            }
        }
        for (int i = 0; i < names.size(); i++) {
            arguments.add("m" + i);
            arguments.add("v" + i);
        }
        return arguments;
    }

    /** Clipping by the norm of all gradients, then AdamW; gradients are zeroed at the end, as the next step adds to them. */
    private String updateBody() {
        var body = new StringBuilder("squares = torch.sum(torch.mul(g0, g0))\n");
        for (int i = 1; i < names.size(); i++) {
            body.append("squares = torch.add(squares, torch.sum(torch.mul(g%1$d, g%1$d)))\n".formatted(i));
        }
        body.append("factor = torch.clamp(torch.reciprocal(torch.add(torch.sqrt(squares), 1.0e-06)), None, 1.)\n");
        for (int i = 0; i < names.size(); i++) {
            body.append("w%d = torch.detach(p%d)\n".formatted(i, i));
            body.append("g%1$d = torch.mul_(g%1$d, factor)\n".formatted(i));
            double decay = parameters.get(i).getShape().dimension() > 1 ? 0.1 : 0;
            body.append(adamW("w" + i, "g" + i, "m" + i, "v" + i, 1e-3, decay, "c1", "c2"));
            body.append("g%1$d = torch.zero_(g%1$d)\n".formatted(i));
        }
        return body.append("return squares\n").toString();
    }

    /** One update in place with beta 0.9 and 0.95; {@code c1} and {@code c2} correct the bias of the moments. */
    static String adamW(String p, String g, String m, String v, double rate, double decay, String c1, String c2) {
        return """
                %1$s = torch.mul_(%1$s, %5$s)
                %3$s = torch.lerp_(%3$s, %2$s, 0.1)
                %4$s = torch.mul_(%4$s, 0.95)
                %4$s = torch.addcmul_(%4$s, %2$s, %2$s, value=0.05)
                d = torch.add_(torch.sqrt_(torch.mul(%4$s, %8$s)), 1.0e-08)
                n = torch.mul(%3$s, %7$s)
                %1$s = torch.addcdiv_(%1$s, n, d, value=%6$s)
                """.formatted(
                        p,
                        g,
                        m,
                        v,
                        String.format(Locale.ROOT, "%.8f", 1 - rate * decay),
                        String.format(Locale.ROOT, "%.8f", -rate),
                        c1,
                        c2);
    }

    @Override
    public void run() {
        var arguments = new NDList(constants);
        arguments.addAll(parameters);
        try (var collector = manager.getEngine().newGradientCollector();
                var value = loss.call(arguments)) {
            collector.backward(value);
            lastLoss = value.toFloatArray()[0];
        }
        var all = new NDList();
        // The scalars of the first step, as this engine's step gets them every time.
        all.add(manager.create((float) (1 / (1 - 0.9))));
        all.add(manager.create((float) (1 / (1 - 0.95))));
        all.addAll(parameters);
        parameters.forEach(parameter -> all.add(parameter.getGradient()));
        all.addAll(moments);
        update.call(all).close();
    }

    @Override
    public float[] sample() {
        return new float[] {lastLoss};
    }

    @Override
    public void close() {
        loss.close();
        update.close();
    }
}
