package io.coda4j.bench.peers;

import io.coda4j.tensor.DType;
import io.coda4j.tensor.cpu.CpuDevice;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The hot kernels of the CPU device at the sizes of CoDA's layers and of the demo's model, one by one; the same work as
 * {@code coda bench peers} measures. Each result is compared with the scalar reference before it is timed.
 *
 * <p>{@code coda bench jmh -p work='NT 256 x 6144 x 2048' -p threads=1 -prof gc}; forks
 * have the flags of the JVM that starts them
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(5)
public class WorkBenchmark {
    /** Results that a scalar loop would compute for minutes are compared at a few elements only. */
    private static final double CHECKED_FLOPS = 2e9;

    @Param({
        "NT 256 x 6144 x 2048",
        "NN 256 x 2048 x 6144",
        "TN 6144 x 2048 x 256",
        "NT 2048 x 384 x 128",
        "NN 2048 x 128 x 384",
        "TN 384 x 128 x 2048",
        "NT 16 x 6144 x 2048 frozen",
        "NT 1 x 2048 x 2048 bf16 frozen",
        "NT 16 x 2048 x 2048 bf16 frozen",
        "NT 1 x 2048 x 2048 int8 frozen",
        "NT 16 x 2048 x 2048 int8 frozen",
        "forward T 256, 16/8 x 128",
        "forward and backward T 256, 16/8 x 128",
        "rms_norm 256 x 2048",
        "rms_norm_backward 256 x 2048",
        "rms_norm_backward 1024 x 128",
        "swiglu 256 x 6144",
        "swiglu_backward 256 x 6144",
        "swiglu_backward 1024 x 384",
        "rope 256 x 2048",
        "rope 1024 x 128",
        "softmax 256 x 2048",
        "exp 256 x 2048",
        "cross_entropy 64 x 151936",
        "cross_entropy_backward 64 x 151936",
        "cross_entropy_backward 512 x 4160",
        "adamw 4096 x 2048",
        "adamw 4160 x 128",
        "adafactor 4096 x 2048",
        "training step demo"
    })
    public String work = "";

    @Param({"1", "2"})
    public int threads;

    private Engine.Task task = new NoTask();

    /** Stands where a task will be once JMH has set the parameters. */
    private static final class NoTask implements Engine.Task {
        @Override
        public void run() {
            throw new IllegalStateException("not set up");
        }

        @Override
        public float[] sample() {
            throw new IllegalStateException("not set up");
        }

        @Override
        public void close() {}
    }

    /** Makes the work ready and compares its result. */
    @Setup(Level.Trial)
    public void prepare() {
        var chosen = Stream.of("gemm", "frozen", Work.GEMM_BF16, Work.GEMM_INT8, "attention", "elementwise", Work.STEP)
                .flatMap(kind -> Work.of(kind, Material.NONE).stream())
                .filter(candidate -> candidate.name().equals(work))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no work is called '" + work + "'"));
        task = new CodaEngine(CpuDevice.withThreads(threads)).prepare(chosen);
        task.run();
        var expected = chosen instanceof Work.Gemm gemm && gemm.dtype() == DType.F32 ? naive(gemm) : reference(chosen);
        if (expected.length > 0) {
            requireClose(expected, task.sample());
        }
    }

    private static float[] reference(Work work) {
        if (work.flops() > CHECKED_FLOPS) {
            return new float[0];
        }
        try (var reference = new CodaEngine(CpuDevice.reference()).prepare(work)) {
            reference.run();
            return reference.sample();
        }
    }

    /** The first elements of the first row of an F32 product, summed in double precision. */
    private static float[] naive(Work.Gemm work) {
        var x = Operands.uniform(1, work.m() * work.k());
        var w = Operands.uniform(2, work.n() * work.k());
        var sums = new float[Operands.SAMPLE];
        for (int n = 0; n < sums.length; n++) {
            double sum = 0;
            for (int k = 0; k < work.k(); k++) {
                double left = x[work.isLeftTransposed() ? k * work.m() : k];
                sum += left * w[work.isRightTransposed() ? n * work.k() + k : k * work.n() + n];
            }
            sums[n] = (float) sum;
        }
        return sums;
    }

    private void requireClose(float[] expected, float[] got) {
        for (int i = 0; i < expected.length; i++) {
            if (!(Math.abs(expected[i] - got[i]) <= 1e-4 * Math.max(1, Math.abs(expected[i])))) {
                throw new IllegalStateException(
                        work + ": element " + i + " is " + got[i] + ", the reference gives " + expected[i]);
            }
        }
    }

    /** Does the work once. */
    @Benchmark
    public void run() {
        task.run();
    }

    /** Gives the memory back. */
    @TearDown(Level.Trial)
    public void close() {
        task.close();
    }
}
