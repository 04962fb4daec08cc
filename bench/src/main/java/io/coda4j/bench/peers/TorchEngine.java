package io.coda4j.bench.peers;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import io.coda4j.bench.Workload;
import io.coda4j.tensor.DType;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** PyTorch on the CPU, through DJL. */
final class TorchEngine implements Engine {
    /** Numbers of element types, as {@code c10::ScalarType} has them. */
    private static final int INT8 = 1;

    static final int FLOAT32 = 6;

    static final int BFLOAT16 = 15;

    private static final String SWIGLU = "torch.mul(torch.silu(x), up)";
    private static final String CROSS_ENTROPY = "torch.cross_entropy_loss(x, targets, None, 0, -100, 0.)";

    private final NDManager manager;
    private final String description;

    TorchEngine(int threads) {
        System.setProperty("ai.djl.offline", "true");
        System.setProperty("ai.djl.pytorch.num_threads", String.valueOf(threads));
        System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
        manager = NDManager.newBaseManager(Device.cpu(), "PyTorch");
        description = "PyTorch " + manager.getEngine().getVersion() + " through DJL, " + threads + " threads";
    }

    @Override
    public String description() {
        return description;
    }

    @Override
    public Task prepare(Work work) {
        return switch (work) {
            case Work.Gemm gemm -> gemm(gemm);
            case Work.QuantizedGemm gemm -> quantized(gemm);
            case Work.Attention attention -> attention(attention);
            case Work.Rows rows -> rows(rows);
            case Work.Step step -> new TorchStep(manager, Workload.named(step.workload()), step.compute());
            case Work.Denoise denoise -> TorchDenoising.pass(manager, denoise);
            case Work.Decode decode -> TorchDenoising.decoding(manager, decode);
            case Work.Encode _ -> throw new UnsupportedOperationException("PyTorch has no tokenizer");
        };
    }

    private Task gemm(Work.Gemm work) {
        var product = product(work);
        return work.dtype() == DType.F32 ? product : new NarrowTask(product);
    }

    /**
     * The activations rounded row by row, PyTorch's product of INT8 with INT32 sums, and the scales. Its linear operation for
     * quantised tensors wants a weight that was packed into an object, which a function of tensors cannot hold.
     */
    private Task quantized(Work.QuantizedGemm work) {
        var weight = Int8Weight.of(2, work.n(), work.k());
        var body = """
                s = torch.div(torch.amax(torch.abs(x), [1], True), 127.)
                q = torch.to(torch.round(torch.div(x, s)), %d, False, False, None)
                y = torch.to(torch._int_mm(q, w), %d, False, False, None)
                return torch.mul(torch.mul(y, s), scale)
                """.formatted(INT8, FLOAT32);
        var turned = manager.create(ByteBuffer.wrap(weight.values()), new Shape(work.n(), work.k()), DataType.INT8)
                .transpose();
        return task(
                body,
                List.of("x", "w", "scale"),
                uniform(1, work.m(), work.k()),
                turned,
                manager.create(weight.scales()));
    }

    /** A task whose result is BF16. */
    private final class NarrowTask implements Task {
        private final ScriptTask task;

        NarrowTask(ScriptTask task) {
            this.task = task;
        }

        @Override
        public void run() {
            task.run();
        }

        @Override
        public float[] sample() {
            try (var floats = cast(task.result, FLOAT32)) {
                return first(floats);
            }
        }

        @Override
        public void close() {
            task.close();
        }
    }

    private ScriptTask product(Work.Gemm work) {
        return switch (work.form()) {
            case "NT" ->
                task(
                        "return torch.linear(x, w)",
                        List.of("x", "w"),
                        operand(work, 1, work.m(), work.k()),
                        operand(work, 2, work.n(), work.k()));
            case "NN" ->
                task(
                        "return torch.mm(x, w)",
                        List.of("x", "w"),
                        operand(work, 1, work.m(), work.k()),
                        operand(work, 2, work.k(), work.n()));
            case "TN" ->
                task(
                        "return torch.mm(torch.t(x), w)",
                        List.of("x", "w"),
                        operand(work, 1, work.k(), work.m()),
                        operand(work, 2, work.k(), work.n()));
            default -> throw new UnsupportedOperationException("form " + work.form());
        };
    }

    private NDArray operand(Work.Gemm work, long seed, int... dims) {
        var values = uniform(seed, dims);
        return work.dtype() == DType.BF16 ? cast(values, BFLOAT16) : values;
    }

    /** By PyTorch itself: DJL's own conversion knows no BF16, and ends the process. */
    static NDArray cast(NDArray x, int scalarType) {
        try (var script = new TorchScript(
                x.getManager(), List.of("x"), "return torch.to(x, " + scalarType + ", False, False, None)")) {
            return script.call(x);
        }
    }

    private Task attention(Work.Attention work) {
        // [1,T,H,D] as PyTorch wants it; key heads are repeated by the operation itself.
        var body = """
                a = torch.transpose(q, 1, 2)
                b = torch.transpose(k, 1, 2)
                c = torch.transpose(v, 1, 2)
                y = torch.scaled_dot_product_attention(a, b, c, None, 0., False, scale=None, enable_gqa=True)
                return torch.transpose(y, 1, 2)
                """;
        var q = uniform(1, 1, work.length(), work.heads(), work.headDim());
        var k = uniform(2, 1, work.length(), work.kvHeads(), work.headDim());
        var v = uniform(3, 1, work.length(), work.kvHeads(), work.headDim());
        if (!work.isBackward()) {
            return task(body, List.of("q", "k", "v"), q, k, v);
        }
        var g = uniform(4, 1, work.length(), work.heads(), work.headDim());
        return new GradientTask(new TorchScript(manager, List.of("q", "k", "v"), body), g, q, k, v);
    }

    private Task rows(Work.Rows work) {
        var x = uniform(1, work.rows(), work.width());
        return switch (work.function()) {
            case RMS_NORM -> task("return " + rmsNorm(work), List.of("x", "w"), x, uniform(2, work.width()));
            case RMS_NORM_BACKWARD ->
                bothWays(
                        rmsNorm(work),
                        List.of("x", "w"),
                        List.of(),
                        uniform(3, work.rows(), work.width()),
                        x,
                        uniform(2, work.width()));
            case SWIGLU_BACKWARD ->
                bothWays(
                        SWIGLU,
                        List.of("x", "up"),
                        List.of(),
                        uniform(3, work.rows(), work.width()),
                        x,
                        uniform(2, work.rows(), work.width()));
            case ROPE -> rope(work);
            case SWIGLU -> task("return " + SWIGLU, List.of("x", "up"), x, uniform(2, work.rows(), work.width()));
            case SOFTMAX -> task("return torch.softmax(x, 1)", List.of("x"), x);
            case EXP -> task("return torch.exp(x)", List.of("x"), x);
            case ADD -> task("return torch.add(x, y)", List.of("x", "y"), x, uniform(2, work.rows(), work.width()));
            case CROSS_ENTROPY -> task("return " + CROSS_ENTROPY, List.of("x", "targets"), x, targets(work));
            case CROSS_ENTROPY_BACKWARD ->
                bothWays(CROSS_ENTROPY, List.of("x"), List.of("targets"), uniform(3, work.rows()), x, targets(work));
            case ADAMW -> adamW(work);
            case ADAFACTOR -> adafactor(work);
        };
    }

    private static String rmsNorm(Work.Rows work) {
        return "torch.rms_norm(x, [" + work.width() + "], w, 1.0e-06)";
    }

    private NDArray targets(Work.Rows work) {
        return manager.create(Operands.indices(2, work.rows(), work.width())).toType(DataType.INT64, false);
    }

    /** As {@link TransformerScript} has it, with tables that are made once. */
    private Task rope(Work.Rows work) {
        var model = CodaModels.TRANSFORMER;
        var rotations = TransformerScript.rotations(manager, model, 0, work.rows());
        return task(
                TransformerScript.rotation("x", model) + "return x\n",
                List.of("x", "cos", "sin"),
                uniform(1, 1, work.rows(), work.width() / model.headDim(), model.headDim()),
                rotations.get(0),
                rotations.get(1));
    }

    /**
     * An expression and its gradients, of which the first is the result.
     *
     * @param inputs names of the operands whose gradients are asked for
     * @param others names of those behind them
     */
    private Task bothWays(
            String expression, List<String> inputs, List<String> others, NDArray cotangent, NDArray... operands) {
        var body = """
                y = %s
                gradients = torch.grad([y], [%s], annotate(Optional[List[Optional[Tensor]]], [g]), None, False, False)
                return unchecked_cast(Tensor, gradients[0])
                """.formatted(expression, String.join(", ", inputs));
        for (int i = 0; i < inputs.size(); i++) {
            operands[i].setRequiresGradient(true);
        }
        var names = new ArrayList<>(inputs);
        names.addAll(others);
        names.add("g");
        var all = new ArrayList<>(List.of(operands));
        all.add(cotangent);
        return new RecordedTask(new TorchScript(manager, names, body), new NDList(all));
    }

    private Task adamW(Work.Rows work) {
        var shape = new Shape(work.rows(), work.width());
        var body = TorchStep.adamW("p", "g", "m", "v", 1e-3, 0.1, "1.", "1.") + "return p\n";
        return task(
                body,
                List.of("p", "m", "v", "g"),
                uniform(1, work.rows(), work.width()),
                manager.zeros(shape),
                manager.zeros(shape),
                uniform(2, work.rows(), work.width()));
    }

    /** By the operations of the update as Hugging Face's library writes it, in place where it does so. */
    private Task adafactor(Work.Rows work) {
        var body = """
                squares = torch.add(torch.pow(g, 2), 1.0e-30)
                r = torch.add_(torch.mul_(r, 0.5), torch.mean(squares, [-1]), alpha=0.5)
                c = torch.add_(torch.mul_(c, 0.5), torch.mean(squares, [-2]), alpha=0.5)
                rows = torch.unsqueeze(torch.rsqrt_(torch.div(r, torch.mean(r, [-1], True))), -1)
                columns = torch.rsqrt(torch.unsqueeze(c, -2))
                u = torch.mul_(torch.mul(rows, columns), g)
                rms = torch.div(torch.norm(u, 2), %s)
                u = torch.div_(u, torch.clamp_(rms, 1.0))
                u = torch.mul_(u, 0.001)
                p = torch.add_(p, p, alpha=-0.0001)
                p = torch.add_(p, u, alpha=-1.0)
                return p
                """.formatted(Math.sqrt((double) work.rows() * work.width()));
        return task(
                body,
                List.of("p", "r", "c", "g"),
                uniform(1, work.rows(), work.width()),
                manager.zeros(new Shape(work.rows())),
                manager.zeros(new Shape(work.width())),
                uniform(2, work.rows(), work.width()));
    }

    private NDArray uniform(long seed, int... dims) {
        int size = Arrays.stream(dims).reduce(1, Math::multiplyExact);
        return manager.create(
                Operands.uniform(seed, size),
                new Shape(Arrays.stream(dims).asLongStream().toArray()));
    }

    private ScriptTask task(String body, List<String> arguments, NDArray... operands) {
        return new ScriptTask(new TorchScript(manager, arguments, body), new NDList(operands));
    }

    private static float[] first(NDArray array) {
        var wide = array.getDataType() == DataType.FLOAT32 ? array : cast(array, FLOAT32);
        return Arrays.copyOf(wide.toFloatArray(), (int) Math.min(Operands.SAMPLE, array.size()));
    }

    /**
     * A task that asks for gradients itself. PyTorch records operations only while DJL collects gradients, so it does from the start
     * to the end.
     */
    private static final class RecordedTask extends ScriptTask {
        private final GradientCollector collector;

        RecordedTask(TorchScript script, NDList operands) {
            super(script, operands);
            collector = operands.getManager().getEngine().newGradientCollector();
        }

        @Override
        public void close() {
            super.close();
            collector.close();
        }
    }

    private static class ScriptTask implements Task {
        private final TorchScript script;
        private final NDList operands;
        private NDArray result;

        ScriptTask(TorchScript script, NDList operands) {
            this.script = script;
            this.operands = operands;
            this.result = operands.getFirst();
        }

        @Override
        public void run() {
            if (operands.stream().noneMatch(operand -> operand == result)) {
                result.close();
            }
            result = script.call(operands);
        }

        @Override
        public float[] sample() {
            return first(result);
        }

        @Override
        public void close() {
            script.close();
        }
    }

    private static final class GradientTask implements Task {
        private final TorchScript script;
        private final NDArray cotangent;
        private final NDArray[] operands;

        GradientTask(TorchScript script, NDArray cotangent, NDArray... operands) {
            this.script = script;
            this.cotangent = cotangent;
            this.operands = operands;
            for (var operand : operands) {
                operand.setRequiresGradient(true);
            }
        }

        @Override
        public void run() {
            for (var operand : operands) {
                try (var gradient = operand.getGradient()) {
                    gradient.subi(gradient);
                }
            }
            try (var collector = cotangent.getManager().getEngine().newGradientCollector();
                    var result = script.call(operands);
                    var sum = result.mul(cotangent).sum()) {
                collector.backward(sum);
            }
        }

        @Override
        public float[] sample() {
            return first(operands[0].getGradient());
        }

        @Override
        public void close() {
            script.close();
        }
    }
}
