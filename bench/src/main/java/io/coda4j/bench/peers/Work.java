package io.coda4j.bench.peers;

import io.coda4j.bench.Workload;
import io.coda4j.coder.generate.Precision;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.tensor.DType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/** A piece of work that every engine can be asked to do, on operands that {@link Operands} gives to all alike. */
sealed interface Work {
    /** The kind of products of BF16 matrices. */
    String GEMM_BF16 = "gemm-bf16";

    /** The kind of products with INT8 weights. */
    String GEMM_INT8 = "gemm-int8";

    /** The kind of training steps in F32. */
    String STEP = "step";

    /** The kind of training steps with passes in BF16. */
    String STEP_BF16 = "step-bf16";

    /** The kind of passes in F32. */
    String DENOISE = "denoise";

    /** The kind of passes with products of BF16. */
    String DENOISE_BF16 = "denoise-bf16";

    /** The kind of passes with products of INT8. */
    String DENOISE_INT8 = "denoise-int8";

    /** See {@link #tolerance}, of what BF16 products make. */
    double BF16_TOLERANCE = 1e-2;

    /** See {@link #tolerance}, of a product with INT8 weights and activations rounded to INT8. */
    double INT8_TOLERANCE = 3e-2;

    /** Columns of a matrix of depth 2048 that is larger than most caches. */
    int LARGE_COLUMNS = 49_152;

    /** N and K of the matrices of CoDA 1.7B. */
    int[][] LAYERS = {{2048, 2048}, {6144, 2048}, {2048, 6144}, {1024, 2048}};

    /** For tables. */
    String name();

    /** Floating-point operations of one run, or 0 where bytes decide. */
    double flops();

    /** Bytes that must pass between memory and processor once, or 0 where operations decide; of a text, its bytes. */
    double bytes();

    /** Bytes of weights that this engine must read in one run, where that is reported; else 0. */
    default double weightBytes() {
        return 0;
    }

    /** Bytes of caches that it must read as well. */
    default double cacheBytes() {
        return 0;
    }

    /** Steps of one run; times are those of a step. */
    default int steps() {
        return 1;
    }

    /** Differences that are rounding and not another result, relative to the largest element that is looked at. */
    default double tolerance() {
        return 2e-3;
    }

    /**
     * A product of matrices to [M,N]: NT of x[M,K] and w[N,K], NN of x[M,K] and w[K,N], TN of x[K,M] and w[K,N].
     *
     * @param dtype of the operands: F32 or BF16, whose sums are F32
     * @param isFrozen whether w is the same matrix in every run, so that an engine may prepare it
     */
    record Gemm(DType dtype, String form, int m, int n, int k, boolean isFrozen) implements Work {
        /** Whether x lies as [K,M]. */
        boolean isLeftTransposed() {
            return form.equals("TN");
        }

        /** Whether w lies as [N,K]. */
        boolean isRightTransposed() {
            return form.equals("NT");
        }

        /** Elements of a row of x as it lies. */
        int leftStride() {
            return isLeftTransposed() ? m : k;
        }

        /** Elements of a row of w as it lies. */
        int rightStride() {
            return isRightTransposed() ? k : n;
        }

        /** PyTorch rounds results of BF16 operands to BF16. */
        @Override
        public double tolerance() {
            return dtype == DType.BF16 ? BF16_TOLERANCE : Work.super.tolerance();
        }

        @Override
        public String name() {
            return form + " " + m + " x " + n + " x " + k + (dtype == DType.F32 ? "" : " " + dtype)
                    + (isFrozen ? " frozen" : "");
        }

        /** A single row leaves no time but that of reading the weight. */
        @Override
        public double flops() {
            return m == 1 ? 0 : 2.0 * m * n * k;
        }

        @Override
        public double bytes() {
            return m == 1 ? (double) n * k * dtype.bytes() : 0;
        }
    }

    /**
     * x[M,K] times w[N,K] transposed, where w has INT8 values and a scale for each of its rows, and is the same in every run;
     * x is F32 and rounded to INT8 row by row by those who multiply INT8.
     */
    record QuantizedGemm(int m, int n, int k) implements Work {
        /** Each element of x is rounded to one of 255 values. */
        @Override
        public double tolerance() {
            return INT8_TOLERANCE;
        }

        @Override
        public String name() {
            return "NT " + m + " x " + n + " x " + k + " int8 frozen";
        }

        /** A single row leaves no time but that of reading the weight. */
        @Override
        public double flops() {
            return m == 1 ? 0 : 2.0 * m * n * k;
        }

        @Override
        public double bytes() {
            return m == 1 ? (double) n * k : 0;
        }
    }

    /**
     * Attention without a mask; q[1,T,heads,D], k and v[1,T,kvHeads,D].
     *
     * @param isBackward whether the gradients of q, k and v are computed as well
     */
    record Attention(int length, int heads, int kvHeads, int headDim, boolean isBackward) implements Work {
        @Override
        public String name() {
            return (isBackward ? "forward and backward" : "forward") + " T " + length + ", " + heads + "/" + kvHeads
                    + " x " + headDim;
        }

        @Override
        public double flops() {
            // Two products forward; backward the scores again and four more.
            return (isBackward ? 7 : 2) * 2.0 * length * length * heads * headDim;
        }

        @Override
        public double bytes() {
            return 0;
        }
    }

    /** Functions of rows or elements: x[rows,width], some with more operands of that shape. */
    record Rows(Function function, int rows, int width) implements Work {
        @Override
        public String name() {
            return function.name().toLowerCase(Locale.ROOT) + " " + rows + " x " + width;
        }

        @Override
        public double flops() {
            return 0;
        }

        @Override
        public double bytes() {
            return 4.0 * rows * width * function.passes;
        }
    }

    /** What {@link Rows} computes. */
    enum Function {
        /** x and w[width]. */
        RMS_NORM(2),
        /** The same, then the gradients of both. */
        RMS_NORM_BACKWARD(5),
        /** gate and up. */
        SWIGLU(3),
        /** The same, then the gradients of both. */
        SWIGLU_BACKWARD(8),
        /** Rotary positions: each row is a position, from 0 on, and holds heads as wide as those of CoDA. */
        ROPE(2),
        SOFTMAX(2),
        EXP(2),
        ADD(3),
        /** Logits and targets[rows], to a loss for each row. */
        CROSS_ENTROPY(1),
        /** The same, then the gradient of the logits. */
        CROSS_ENTROPY_BACKWARD(3),
        /** p, m, v and g; three of them are overwritten. */
        ADAMW(7),
        /** p, moments of rows and of columns, and g, which is read three times; all but g are overwritten. */
        ADAFACTOR(5);

        private final int passes;

        Function(int passes) {
            this.passes = passes;
        }
    }

    /**
     * A training step: forward, backward, clipping, AdamW.
     *
     * @param compute element type of the passes, over weights and moments in F32
     */
    record Step(String workload, DType compute) implements Work {
        /** The loss, after passes that round in different places. */
        @Override
        public double tolerance() {
            return compute == DType.BF16 ? BF16_TOLERANCE : Work.super.tolerance();
        }

        @Override
        public String name() {
            return "training step " + workload + (compute == DType.F32 ? "" : ", " + compute);
        }

        @Override
        public double flops() {
            var given = Workload.named(workload);
            var model = given.model();
            double body = (double) model.parameters() - (double) model.vocabulary() * model.hidden();
            double head = (double) model.vocabulary() * model.hidden() / 2;
            double attention = 2.0 * model.layers() * given.length() * model.heads() * model.headDim();
            return 6.0 * given.tokens() * (body + head + attention);
        }

        @Override
        public double bytes() {
            return 0;
        }
    }

    /** What a {@link Denoise} computes anew. */
    enum Pass {
        /** All of 1024 columns; half of the last 512 are masked. */
        WHOLE(1024, 0),
        /** The last 33 of 512 columns over a cache of the others; 32 are masked, which the column before them predicts as well. */
        WINDOW(512, 479),
        /** As {@link #WINDOW}, the last 64 of 1024. */
        WIDE_WINDOW(1024, 960);

        final int length;
        final int start;

        Pass(int length, int start) {
            this.length = length;
            this.start = start;
        }
    }

    /**
     * A pass of a model with the dimensions of CoDA 1.7B, and its head at the masked positions only.
     *
     * @param precision of the products; with {@link Precision#INT8} other engines may have others
     * @param layers of the model, of CoDA's 28
     * @param model folder of its checkpoint
     * @param int8Model folder of the same with INT8 weights, for that precision
     */
    record Denoise(Pass pass, Precision precision, int layers, Path model, Path int8Model) implements Work {
        @Override
        public String name() {
            int computed = pass.length - pass.start;
            return (pass == Pass.WHOLE ? "" : "window of ") + computed + " tokens, " + positions().length + " masked, "
                    + (precision == Precision.F32 ? "" : precision.label() + ", ") + layersOf(layers);
        }

        /**
         * That of one product, and the square root of how many follow each other: four in a layer, and the head. Everything but
         * the products is F32 here, and with BF16 that too is BF16 in PyTorch.
         */
        @Override
        public double tolerance() {
            double products = 1 + 4.0 * layers;
            return switch (precision) {
                case F32 -> Work.super.tolerance();
                case BF16 -> BF16_TOLERANCE * Math.sqrt(products);
                case INT8 -> INT8_TOLERANCE * Math.sqrt(products);
            };
        }

        private boolean isWindow() {
            return switch (pass) {
                case WHOLE -> false;
                case WINDOW, WIDE_WINDOW -> true;
            };
        }

        /** A window is short enough that this decides its time. */
        @Override
        public double weightBytes() {
            return isWindow() ? CodaModels.weightBytes(layers, precision) : 0;
        }

        @Override
        public double cacheBytes() {
            return isWindow() ? CodaModels.cacheBytes(layers, pass.length) : 0;
        }

        /** The tokens; the masked ones lie where the pass can predict them. */
        Canvas canvas() {
            int[] tokens = CodaModels.tokens(pass.length);
            for (int position : positions()) {
                tokens[position] = CodaModels.MASK;
            }
            return new Canvas(1, tokens.length, tokens);
        }

        /** The masked positions. */
        int[] positions() {
            return switch (pass) {
                case WHOLE -> IntStream.range(0, 256).map(i -> 512 + 2 * i).toArray();
                case WINDOW, WIDE_WINDOW ->
                    IntStream.range(pass.start + 1, pass.length).toArray();
            };
        }

        @Override
        public double flops() {
            return CodaModels.flops(layers, pass.length - pass.start, pass.length, positions().length);
        }

        @Override
        public double bytes() {
            return 0;
        }
    }

    /**
     * Filling 256 masks behind a prompt of 256 tokens, the same number at each step: exact decoding here, and elsewhere
     * the plain loop, which computes the head for all positions.
     *
     * @param layers of the model, of CoDA's 28
     * @param model folder of its checkpoint
     */
    record Decode(int layers, Path model) implements Work {
        static final int PROMPT = 256;
        static final int MASKED = 256;
        static final int STEPS = 4;

        @Override
        public String name() {
            return "step of " + STEPS + ", " + PROMPT + " + " + MASKED + " tokens, " + layersOf(layers);
        }

        /** The prompt and the masks behind it. */
        Canvas canvas() {
            return Canvas.of(CodaModels.tokens(PROMPT), MASKED, CodaModels.MASK);
        }

        @Override
        public int steps() {
            return STEPS;
        }

        /** The same token everywhere. */
        @Override
        public double tolerance() {
            return 0;
        }

        /** Of a step, on average, with the head at masked positions. */
        @Override
        public double flops() {
            int length = PROMPT + MASKED;
            double masked = MASKED * (STEPS + 1) / (2.0 * STEPS);
            return CodaModels.flops(layers, length, length, masked);
        }

        @Override
        public double bytes() {
            return 0;
        }
    }

    private static String layersOf(int layers) {
        return layers + " of " + CodaModels.LAYERS + " layers";
    }

    /**
     * Encoding source texts on one thread, whatever the number of threads.
     *
     * @param tokenizer file
     * @param texts folder
     * @param count of the texts
     * @param size of them in bytes
     */
    record Encode(Path tokenizer, Path texts, int count, long size) implements Work {
        static Encode of(Material material) {
            var sources = SourceTexts.below(material.texts());
            return new Encode(
                    material.tokenizer(), material.texts(), sources.texts().size(), sources.bytes());
        }

        @Override
        public String name() {
            return count + " sources, " + size / 1000 + " kB, one thread";
        }

        @Override
        public double flops() {
            return 0;
        }

        @Override
        public double bytes() {
            return size;
        }

        /** The same ids. */
        @Override
        public double tolerance() {
            return 0;
        }
    }

    /**
     * The pieces of work of one kind.
     *
     * @throws IllegalArgumentException if there is no such kind
     */
    static List<Work> of(String what, Material material) {
        return switch (what) {
            case "gemm" -> gemm();
            case "frozen" -> frozen();
            case GEMM_BF16 -> gemmBf16();
            case GEMM_INT8 -> gemmInt8();
            case "attention" -> attention();
            case "elementwise" -> elementwise();
            case STEP -> steps(DType.F32);
            case STEP_BF16 -> steps(DType.BF16);
            case DENOISE ->
                List.of(
                        denoise(Pass.WHOLE, Precision.F32, material),
                        denoise(Pass.WINDOW, Precision.F32, material),
                        denoise(Pass.WIDE_WINDOW, Precision.F32, material),
                        new Decode(material.layers(), material.model()));
            case DENOISE_BF16 -> passes(Precision.BF16, material);
            case DENOISE_INT8 -> passes(Precision.INT8, material);
            case "encode" -> List.of(Encode.of(material));
            default ->
                throw new IllegalArgumentException("no work is called '" + what
                        + "'; known: gemm, frozen, attention, elementwise, step, denoise, encode");
        };
    }

    private static List<Work> steps(DType compute) {
        return List.of(new Step("demo", compute), new Step("12x768", compute));
    }

    private static List<Work> passes(Precision precision, Material material) {
        return List.of(denoise(Pass.WHOLE, precision, material), denoise(Pass.WIDE_WINDOW, precision, material));
    }

    private static Work denoise(Pass pass, Precision precision, Material material) {
        return new Denoise(pass, precision, material.layers(), material.model(), material.int8Model());
    }

    private static List<Work> gemm() {
        var works = new ArrayList<Work>();
        for (int m : new int[] {128, 256, 1024, 2048}) {
            for (int[] layer : LAYERS) {
                works.add(new Gemm(DType.F32, "NT", m, layer[0], layer[1], false));
            }
            works.add(new Gemm(DType.F32, "NN", m, 2048, 6144, false));
            works.add(new Gemm(DType.F32, "TN", 6144, 2048, m, false));
        }
        works.add(new Gemm(DType.F32, "NT", 2048, 384, 128, false));
        works.add(new Gemm(DType.F32, "NN", 2048, 128, 384, false));
        works.add(new Gemm(DType.F32, "TN", 384, 128, 2048, false));
        works.add(new Gemm(DType.F32, "NT", 1024, 1024, 1024, false));
        return works;
    }

    /**
     * The layers of CoDA 1.7B for few and for many tokens, against prepared weights, one matrix that is larger than most caches, and
     * products as training has them.
     */
    private static List<Work> gemmBf16() {
        var works = new ArrayList<Work>();
        for (int m : new int[] {1, 16, 32, 64, 256, 1024}) {
            for (int[] layer : LAYERS) {
                works.add(new Gemm(DType.BF16, "NT", m, layer[0], layer[1], true));
            }
        }
        works.add(new Gemm(DType.BF16, "NT", 1, LARGE_COLUMNS, 2048, true));
        works.add(new Gemm(DType.BF16, "NT", 1024, 1024, 1024, false));
        for (int m : new int[] {256, 1024}) {
            works.add(new Gemm(DType.BF16, "NT", m, 6144, 2048, false));
            works.add(new Gemm(DType.BF16, "NN", m, 2048, 6144, false));
            works.add(new Gemm(DType.BF16, "TN", 6144, 2048, m, false));
        }
        return works;
    }

    /** The layers of CoDA 1.7B, and one matrix that is larger than most caches. */
    private static List<Work> gemmInt8() {
        var works = new ArrayList<Work>();
        for (int m : new int[] {1, 16, 32, 64, 256, 1024}) {
            for (int[] layer : LAYERS) {
                works.add(new QuantizedGemm(m, layer[0], layer[1]));
            }
        }
        works.add(new QuantizedGemm(1, LARGE_COLUMNS, 2048));
        return works;
    }

    /** The layers of CoDA 1.7B for few tokens, and one matrix that is larger than most caches. */
    private static List<Work> frozen() {
        var works = new ArrayList<Work>();
        for (int m : new int[] {1, 4, 8, 16, 32, 64}) {
            for (int[] layer : LAYERS) {
                works.add(new Gemm(DType.F32, "NT", m, layer[0], layer[1], true));
            }
        }
        works.add(new Gemm(DType.F32, "NT", 1, LARGE_COLUMNS, 2048, true));
        return works;
    }

    private static List<Work> attention() {
        var works = new ArrayList<Work>();
        for (int length : new int[] {256, 1024, 4096}) {
            works.add(new Attention(length, 16, 8, 128, false));
            works.add(new Attention(length, 16, 8, 128, true));
        }
        return works;
    }

    /** At sizes of CoDA 1.7B, and those that training is made of at the sizes of the demo. */
    private static List<Work> elementwise() {
        return List.of(
                new Rows(Function.RMS_NORM, 256, 2048),
                new Rows(Function.RMS_NORM_BACKWARD, 256, 2048),
                new Rows(Function.SWIGLU, 256, 2048),
                new Rows(Function.SWIGLU, 256, 6144),
                new Rows(Function.SWIGLU_BACKWARD, 256, 6144),
                new Rows(Function.ROPE, 256, 2048),
                new Rows(Function.SOFTMAX, 256, 2048),
                new Rows(Function.EXP, 256, 2048),
                new Rows(Function.ADD, 256, 2048),
                new Rows(Function.CROSS_ENTROPY, 512, 4096),
                new Rows(Function.CROSS_ENTROPY, 64, CodaModels.TRANSFORMER.vocabulary()),
                new Rows(Function.CROSS_ENTROPY_BACKWARD, 64, CodaModels.TRANSFORMER.vocabulary()),
                new Rows(Function.ADAMW, 4096, 2048),
                new Rows(Function.ADAFACTOR, 4096, 2048),
                new Rows(Function.RMS_NORM_BACKWARD, 1024, 128),
                new Rows(Function.SWIGLU_BACKWARD, 1024, 384),
                new Rows(Function.ROPE, 1024, 128),
                new Rows(Function.CROSS_ENTROPY_BACKWARD, 512, 4160),
                new Rows(Function.ADAMW, 4160, 128));
    }
}
