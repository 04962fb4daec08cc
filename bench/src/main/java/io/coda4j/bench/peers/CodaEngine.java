package io.coda4j.bench.peers;

import io.coda4j.autograd.Autograd;
import io.coda4j.bench.TrainingRun;
import io.coda4j.bench.Workload;
import io.coda4j.coder.generate.Precision;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Bf16Products;
import io.coda4j.tensor.DType;
import io.coda4j.tensor.Eager;
import io.coda4j.tensor.Interpreter;
import io.coda4j.tensor.Primitive;
import io.coda4j.tensor.Primitive.Activations;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.Shape;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.Trace;
import io.coda4j.tensor.cpu.CpuDevice;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import io.coda4j.tensor.spi.Executable;
import io.coda4j.tensor.spi.Layout;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** This project on one of its devices. */
final class CodaEngine implements Engine {
    /** What the operands of a {@link Work.QuantizedGemm}, and of the products of a {@link Work.Denoise} of INT8, become. */
    enum Products {
        INT8,
        /** F32 weights. */
        F32,
        /** BF16 weights, as a checkpoint has them, and activations rounded to BF16 where the device multiplies these faster. */
        BF16
    }

    private final Device device;
    private final Products products;

    CodaEngine(Device device) {
        this(device, Products.INT8);
    }

    private CodaEngine(Device device, Products products) {
        this.device = device;
        this.products = products;
    }

    /**
     * This project on the device called {@code name}; plain {@code cpu} has {@code threads} threads.
     *
     * @param note see {@link Devices#open(String, Consumer)}
     */
    static CodaEngine on(String name, int threads, Consumer<String> note) {
        return on(name, threads, note, Products.INT8);
    }

    /** As {@link #on(String, int, Consumer)}, with other products in the place of those of INT8. */
    static CodaEngine on(String name, int threads, Consumer<String> note, Products products) {
        return new CodaEngine(name.equals("cpu") ? CpuDevice.withThreads(threads) : Devices.open(name, note), products);
    }

    @Override
    public String description() {
        return "coda4j on " + device.name() + ", " + device.description() + ", Java " + Runtime.version();
    }

    @Override
    public Task prepare(Work work) {
        return switch (work) {
            case Work.Gemm gemm -> gemm(gemm);
            case Work.QuantizedGemm gemm -> quantized(gemm);
            case Work.Attention attention -> attention(attention);
            case Work.Rows rows -> rows(rows);
            case Work.Step step -> new StepTask(Workload.named(step.workload()), step.compute());
            case Work.Denoise denoise -> CodaDenoising.pass(denoise, device, precision(denoise));
            case Work.Decode decode -> CodaDenoising.decoding(decode, device);
            case Work.Encode encode -> new CodaEncoding(encode);
        };
    }

    private Precision precision(Work.Denoise work) {
        if (work.precision() != Precision.INT8) {
            return work.precision();
        }
        return switch (products) {
            case INT8 -> Precision.INT8;
            case F32 -> Precision.F32;
            case BF16 -> Precision.BF16;
        };
    }

    private Task gemm(Work.Gemm work) {
        boolean isLeftTransposed = work.isLeftTransposed();
        boolean isRightTransposed = work.isRightTransposed();
        var x = isLeftTransposed ? Shape.of(work.k(), work.m()) : Shape.of(work.m(), work.k());
        var w = isRightTransposed ? Shape.of(work.n(), work.k()) : Shape.of(work.k(), work.n());
        var dot = new Primitive.Dot(
                List.of(), List.of(), List.of(isLeftTransposed ? 0 : 1), List.of(isRightTransposed ? 1 : 0), DType.F32);
        return task(
                in -> Interpreter.current().apply(dot, in),
                new Layout(work.isFrozen() ? Set.of(1) : Set.of()),
                operand(work, 1, x),
                operand(work, 2, w));
    }

    private Task quantized(Work.QuantizedGemm work) {
        var weight = Int8Weight.of(2, work.n(), work.k());
        var x = uniform(1, Shape.of(work.m(), work.k()));
        if (products == Products.INT8) {
            var prim = new Primitive.QuantizedLinear(Activations.QUANTIZED);
            var type = TensorType.of(DType.I8, work.n(), work.k());
            return task(
                    in -> Interpreter.current().apply(prim, in),
                    new Layout(Set.of(1, 2)),
                    x,
                    Array.copyOf(type, MemorySegment.ofArray(weight.values()), device),
                    Array.of(Shape.of(work.n()), weight.scales()));
        }
        var wide = Array.of(Shape.of(work.n(), work.k()), weight.floats());
        var operand = products == Products.F32
                ? wide
                : (Array) new Eager(Devices.defaultDevice()).run(() -> wide.convert(DType.BF16));
        var dot = new Primitive.Dot(List.of(), List.of(), List.of(1), List.of(1), DType.F32);
        UnaryOperator<List<Tensor>> product = in -> Interpreter.current().apply(dot, in);
        boolean rounds = products == Products.BF16 && device.hasFastBf16();
        UnaryOperator<List<Tensor>> rounded = in -> Bf16Products.within(() -> product.apply(in));
        return task(rounds ? rounded : product, new Layout(Set.of(1)), x, operand);
    }

    private static Array operand(Work.Gemm work, long seed, Shape shape) {
        var values = Operands.uniform(seed, Math.toIntExact(shape.size()));
        if (work.dtype() == DType.F32) {
            return Array.of(shape, values);
        }
        return (Array) new Eager(Devices.defaultDevice())
                .run(() -> Array.of(shape, values).convert(work.dtype()));
    }

    private Task attention(Work.Attention work) {
        var queries = Shape.of(1, work.length(), work.heads(), work.headDim());
        var keys = Shape.of(1, work.length(), work.kvHeads(), work.headDim());
        var prim = new Primitive.Attention(1 / Math.sqrt(work.headDim()), Primitive.AttentionMask.FULL);
        var segments = Array.of(Shape.of(1, work.length()), new int[work.length()]);
        var start = Array.scalar(0);
        UnaryOperator<List<Tensor>> forward =
                in -> List.of(Tensor.apply(prim, in.get(0), in.get(1), in.get(2), in.get(3), in.get(4), in.get(5))
                        .getFirst());
        UnaryOperator<List<Tensor>> both = in -> Autograd.vjp(
                qkv -> forward.apply(List.of(qkv.get(0), qkv.get(1), qkv.get(2), in.get(3), in.get(4), in.get(5))),
                in.subList(0, 3),
                List.of(in.get(6)));
        return work.isBackward()
                ? task(
                        both,
                        Layout.DENSE,
                        uniform(1, queries),
                        uniform(2, keys),
                        uniform(3, keys),
                        segments,
                        segments,
                        start,
                        uniform(4, queries))
                : task(
                        forward,
                        Layout.DENSE,
                        uniform(1, queries),
                        uniform(2, keys),
                        uniform(3, keys),
                        segments,
                        segments,
                        start);
    }

    private Task rows(Work.Rows work) {
        var shape = Shape.of(work.rows(), work.width());
        var x = uniform(1, shape);
        return switch (work.function()) {
            case RMS_NORM ->
                task(
                        in -> Tensor.apply(new Primitive.RmsNorm(1e-6), in.get(0), in.get(1)),
                        Layout.DENSE,
                        x,
                        uniform(2, Shape.of(work.width())));
            case RMS_NORM_BACKWARD ->
                task(
                        in -> bothWays(new Primitive.RmsNorm(1e-6), new Primitive.RmsNormGrad(1e-6), in),
                        Layout.DENSE,
                        x,
                        uniform(2, Shape.of(work.width())),
                        uniform(3, shape));
            case SWIGLU ->
                task(
                        in -> Tensor.apply(new Primitive.SwiGlu(), in.get(0), in.get(1)),
                        Layout.DENSE,
                        x,
                        uniform(2, shape));
            case SWIGLU_BACKWARD ->
                task(
                        in -> bothWays(new Primitive.SwiGlu(), new Primitive.SwiGluGrad(), in),
                        Layout.DENSE,
                        x,
                        uniform(2, shape),
                        uniform(3, shape));
            case ROPE -> {
                int headDim = CodaModels.TRANSFORMER.headDim();
                var rope = new Primitive.Rope(CodaModels.TRANSFORMER.ropeTheta(), false);
                yield task(
                        in -> Tensor.apply(rope, in.get(0), in.get(1)),
                        Layout.DENSE,
                        uniform(1, Shape.of(1, work.rows(), work.width() / headDim, headDim)),
                        Array.of(
                                Shape.of(work.rows()),
                                IntStream.range(0, work.rows()).toArray()));
            }
            case SOFTMAX -> task(in -> List.of(in.getFirst().softmax()), Layout.DENSE, x);
            case EXP -> task(in -> List.of(in.getFirst().exp()), Layout.DENSE, x);
            case ADD -> task(in -> List.of(in.get(0).add(in.get(1))), Layout.DENSE, x, uniform(2, shape));
            case CROSS_ENTROPY ->
                task(
                        in -> Tensor.apply(new Primitive.CrossEntropy(), in.get(0), in.get(1)),
                        Layout.DENSE,
                        x,
                        targets(work));
            case CROSS_ENTROPY_BACKWARD ->
                task(
                        CodaEngine::crossEntropyBothWays,
                        Layout.DENSE,
                        x,
                        targets(work),
                        uniform(3, Shape.of(work.rows())));
            case ADAMW ->
                new UpdateTask(
                        new Primitive.AdamW(0.9, 0.95, 1e-8),
                        List.of(x, zeros(shape), zeros(shape)),
                        uniform(2, shape),
                        new float[] {1e-3f, 0.1f, 1, 1});
            case ADAFACTOR ->
                new UpdateTask(
                        new Primitive.Adafactor(1e-30, 1, true, false),
                        List.of(x, zeros(Shape.of(work.rows())), zeros(Shape.of(work.width()))),
                        uniform(2, shape),
                        new float[] {1e-3f, 0.1f, 0.5f, 0.5f});
        };
    }

    /** The gradients for the last operand, which is the result's, and the result. */
    private static List<Tensor> bothWays(Primitive prim, Primitive gradient, List<Tensor> in) {
        var results = new ArrayList<>(Interpreter.current().apply(gradient, in));
        results.addAll(Interpreter.current().apply(prim, in.subList(0, in.size() - 1)));
        return results;
    }

    /** Operands (logits, targets, g[N]): the gradient of the logits, and the losses. */
    private static List<Tensor> crossEntropyBothWays(List<Tensor> in) {
        var losses = Tensor.apply(new Primitive.CrossEntropy(), in.get(0), in.get(1));
        var gradient = Tensor.apply(new Primitive.CrossEntropyGrad(), in.get(0), in.get(1), losses.get(1), in.get(2));
        return List.of(gradient.getFirst(), losses.getFirst());
    }

    private static Array targets(Work.Rows work) {
        return Array.of(Shape.of(work.rows()), Operands.indices(2, work.rows(), work.width()));
    }

    private static Array uniform(long seed, Shape shape) {
        return Array.of(shape, Operands.uniform(seed, Math.toIntExact(shape.size())));
    }

    private static Array zeros(Shape shape) {
        return Array.of(shape, new float[Math.toIntExact(shape.size())]);
    }

    private Task task(UnaryOperator<List<Tensor>> function, Layout layout, Array... operands) {
        var types = Arrays.stream(operands).map(Array::type).toList();
        return new ProgramTask(device.compile(Trace.of("work", function, types), layout), operands);
    }

    private final class ProgramTask implements Task {
        private final Executable executable;
        private final List<Array> operands;
        private final Fence fence;
        private List<Array> results = List.of();

        ProgramTask(Executable executable, Array... operands) {
            this.executable = executable;
            this.operands =
                    Arrays.stream(operands).map(array -> array.to(device)).toList();
            this.fence = new Fence(device);
        }

        @Override
        public void run() {
            results.forEach(Array::close);
            results = executable.run(operands);
            fence.await(results.getFirst());
        }

        @Override
        public float[] sample() {
            return first(results.getFirst());
        }

        @Override
        public void close() {
            fence.close();
            executable.close();
        }
    }

    private static float[] first(Array array) {
        return Arrays.copyOf(
                array.toFloats(), (int) Math.min(Operands.SAMPLE, array.type().size()));
    }

    /** An optimiser updates a parameter and its state in place, as training does. */
    private final class UpdateTask implements Task {
        private final Executable executable;
        private final List<Array> rest = new ArrayList<>();
        private final Fence fence = new Fence(device);
        private List<Array> state;

        UpdateTask(Primitive prim, List<Array> start, Array gradient, float[] scalars) {
            rest.add(gradient.to(device));
            for (float scalar : scalars) {
                rest.add(Array.scalar(scalar).to(device));
            }
            state = start.stream().map(array -> array.to(device)).toList();
            var types = Stream.concat(state.stream(), rest.stream())
                    .map(Array::type)
                    .toList();
            var program = Trace.of("update", in -> Interpreter.current().apply(prim, in), types);
            executable = device.compile(program.donating(Set.of(0, 1, 2)), Layout.DENSE);
        }

        @Override
        public void run() {
            var arguments = new ArrayList<>(state);
            arguments.addAll(rest);
            state = executable.run(arguments);
            fence.await(state.getFirst());
        }

        @Override
        public float[] sample() {
            return first(state.getFirst());
        }

        @Override
        public void close() {
            fence.close();
            executable.close();
        }
    }

    private final class StepTask implements Task {
        private final Scope scope = Scope.open();
        private final TrainingRun training;

        StepTask(Workload workload, DType compute) {
            training = new TrainingRun(workload, device, compute);
        }

        @Override
        public void run() {
            training.step();
        }

        @Override
        public float[] sample() {
            return new float[] {training.loss()};
        }

        @Override
        public void close() {
            training.close();
            scope.close();
        }
    }
}
