package io.coda4j.bench.peers;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.nn.HfNames;
import io.coda4j.nn.TransformerConfig;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.TensorType;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Denoising in PyTorch with the weights of a checkpoint, widened to F32 or all in BF16. */
final class TorchDenoising {
    private final NDManager manager;
    private final TransformerConfig model;
    private final Map<String, String> names = new LinkedHashMap<>();
    private final NDList parameters = new NDList();
    private final Arena memory = Arena.ofShared();
    private final boolean isNarrow;

    private TorchDenoising(NDManager base, Path folder, Precision precision) {
        this.isNarrow = precision == Precision.BF16;
        this.manager = base.newSubManager();
        this.model = CodaConfig.read(folder).transformer();
        try (var weights = Safetensors.open(folder)) {
            model.tensors(DType.F32).forEach((path, type) -> {
                names.put(path, "p" + names.size());
                parameters.add(parameter(weights, HfNames.key(path), type));
            });
        }
    }

    private NDArray parameter(Safetensors weights, String key, TensorType type) {
        if (!isNarrow) {
            return widened(weights, key, type, memory);
        }
        try (var passing = Arena.ofShared();
                var wide = widened(weights, key, type, passing)) {
            return TorchEngine.cast(wide, TorchEngine.BFLOAT16);
        }
    }

    private NDArray inPrecision(NDArray wide) {
        return isNarrow ? TorchEngine.cast(wide, TorchEngine.BFLOAT16) : wide;
    }

    private List<NDArray> rotations(int start, int length) {
        return TransformerScript.rotations(manager, model, start, length).stream()
                .map(this::inPrecision)
                .toList();
    }

    private NDArray widened(Safetensors weights, String key, TensorType type, Arena memory) {
        var values = memory.allocate(type.byteSize(), 64);
        weights.copyFloats(key, 0, values, 0, type.size());
        var shape = new Shape(Arrays.stream(type.shape().dims()).asLongStream().toArray());
        // Of a direct buffer PyTorch takes the address and copies nothing.
        return manager.create(values.asByteBuffer(), shape, DataType.FLOAT32);
    }

    /** A pass, and the head at the positions before the masked ones, whose states predict them. */
    static Engine.Task pass(NDManager manager, Work.Denoise work) {
        if (work.precision() == Precision.INT8) {
            throw new UnsupportedOperationException(
                    "PyTorch has no INT8 weights that a function of tensors could hold");
        }
        return new TorchDenoising(manager, work.model(), work.precision()).passTask(work);
    }

    /**
     * The plain loop, written from the specification of the published sampler (section 2b) with its algorithm
     * {@code maskgit_plus}, no temperature and no filter: at every step a pass over all columns; logits of all positions;
     * those shifted by one position; of the masked ones softmax, the greatest probability and its token; the most probable
     * tokens are put in their places. Nothing is left out, and nothing is added: unmasked positions get no softmax. How many
     * tokens a step commits is given, because that costs nothing to compute.
     */
    static Engine.Task decoding(NDManager manager, Work.Decode work) {
        return new TorchDenoising(manager, work.model(), Precision.F32).decodingTask(work);
    }

    private String head() {
        return Objects.requireNonNull(names.get("lmHead.weight"));
    }

    private TorchScript script(List<String> arguments, String body) {
        var all = new ArrayList<>(arguments);
        all.addAll(names.values());
        return new TorchScript(manager, all, body);
    }

    private NDList arguments(List<NDArray> first) {
        var all = new NDList(first);
        all.addAll(parameters);
        return all;
    }

    private NDArray integers(int... values) {
        return manager.create(values).toType(DataType.INT64, false);
    }

    private NDArray row(int[] tokens, int start) {
        return integers(Arrays.copyOfRange(tokens, start, tokens.length)).reshape(1, tokens.length - start);
    }

    private Engine.Task passTask(Work.Denoise work) {
        int start = work.pass().start;
        int length = work.pass().length - start;
        var tokens = work.canvas().tokens();
        var rows = integers(Arrays.stream(work.positions())
                .map(position -> position - 1 - start)
                .toArray());
        var names = new ArrayList<>(List.of("ids", "rows", "cos", "sin"));
        var values = new ArrayList<>(List.of(row(tokens, start), rows));
        values.addAll(rotations(start, length));
        var body = switch (work.pass()) {
            case WHOLE -> TransformerScript.whole(model, 1, length, this.names);
            case WINDOW, WIDE_WINDOW -> {
                names.add("caches");
                values.add(caches(tokens));
                yield TransformerScript.window(model, start, length, this.names);
            }
        };
        var predict = "x = torch.reshape(x, [%d, %d])\nreturn torch.linear(torch.index_select(x, 0, rows), %s)\n"
                .formatted(length, model.hidden(), head());
        return new PassTask(script(names, body + predict), arguments(values), work.positions().length);
    }

    /** Keys and values of all positions. */
    private NDArray caches(int[] tokens) {
        var values = new ArrayList<>(List.of(row(tokens, 0)));
        values.addAll(rotations(0, tokens.length));
        try (var script = script(List.of("ids", "cos", "sin"), TransformerScript.caches(model, tokens.length, names))) {
            return script.call(arguments(values));
        }
    }

    private Engine.Task decodingTask(Work.Decode work) {
        var tokens = work.canvas().tokens();
        int length = tokens.length;
        var step = TransformerScript.whole(model, 1, length, names)
                + """
                x = torch.reshape(x, [%1$d, %2$d])
                l = torch.linear(x, %3$s)
                l = torch.cat([torch.slice(l, 0, 0, 1), torch.slice(l, 0, 0, %4$d)], 0)
                ids = torch.reshape(ids, [%1$d])
                m = torch.reshape(torch.nonzero(torch.eq(ids, %5$d)), [-1])
                p = torch.softmax(torch.index_select(l, 0, m), 1)
                c, t, = torch.max(p, 1)
                v, i, = torch.topk(c, %6$d)
                ids = torch.scatter(ids, 0, torch.index_select(m, 0, i), torch.index_select(t, 0, i))
                return torch.reshape(ids, [1, %1$d])
                """.formatted(
                        length, model.hidden(), head(), length - 1, CodaModels.MASK, Work.Decode.MASKED / work.steps());
        var rotations = TransformerScript.rotations(manager, model, 0, length);
        return new DecodingTask(
                script(List.of("ids", "cos", "sin"), step), row(tokens, 0), arguments(rotations), work.steps());
    }

    private void close() {
        manager.close();
        memory.close();
    }

    private final class PassTask implements Engine.Task {
        private final TorchScript script;
        private final NDList arguments;
        private final CodaDenoising.LogitSample sample;
        private final float[] values = new float[Operands.SAMPLE];

        PassTask(TorchScript script, NDList arguments, int positions) {
            this.script = script;
            this.arguments = arguments;
            this.sample = new CodaDenoising.LogitSample(positions, model.vocabulary());
        }

        @Override
        public void run() {
            script.call(arguments).close();
        }

        @Override
        public float[] sample() {
            try (var logits = script.call(arguments);
                    var wide = isNarrow ? TorchEngine.cast(logits, TorchEngine.FLOAT32) : logits.duplicate()) {
                var all = wide.toFloatArray();
                for (int i = 0; i < values.length; i++) {
                    values[i] = all[Math.toIntExact(sample.index(i))];
                }
            }
            return values;
        }

        @Override
        public void close() {
            script.close();
            TorchDenoising.this.close();
        }
    }

    private final class DecodingTask implements Engine.Task {
        private final TorchScript script;
        private final NDArray start;
        private final NDList constants;
        private final int steps;
        private int[] tokens = {};

        DecodingTask(TorchScript script, NDArray start, NDList constants, int steps) {
            this.script = script;
            this.start = start;
            this.constants = constants;
            this.steps = steps;
        }

        @Override
        public void run() {
            var ids = start;
            for (int step = 0; step < steps; step++) {
                var arguments = new NDList(ids);
                arguments.addAll(constants);
                var next = script.call(arguments);
                if (step > 0) {
                    ids.close();
                }
                ids = next;
            }
            tokens = Arrays.stream(ids.toLongArray()).mapToInt(Math::toIntExact).toArray();
            ids.close();
        }

        @Override
        public float[] sample() {
            return Operands.floats(tokens);
        }

        @Override
        public void close() {
            script.close();
            TorchDenoising.this.close();
        }
    }
}
