package io.coda4j.bench.peers;

import io.coda4j.coder.generate.ModelDenoiser;
import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.diffusion.sampling.Denoiser;
import io.coda4j.diffusion.sampling.LogitsSink;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.TransferSchedule;
import io.coda4j.diffusion.sampling.Unmasking;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.diffusion.sampling.Window;
import io.coda4j.tensor.Scope;
import io.coda4j.tensor.spi.Device;
import java.nio.file.Path;
import java.util.List;

/** Denoising as {@code coda generate} does it: weights mapped as they are stored and prepared once. */
final class CodaDenoising {
    private CodaDenoising() {}

    /** A pass with products of {@code precision}. */
    static Engine.Task pass(Work.Denoise work, Device device, Precision precision) {
        var folder = precision == Precision.INT8 ? work.int8Model() : work.model();
        return switch (work.pass()) {
            case WHOLE -> new PassTask(work, open(folder, device, new Caching.None(), precision));
            case WINDOW, WIDE_WINDOW -> new PassTask(work, open(folder, device, new Caching.Dual(0), precision));
        };
    }

    static Engine.Task decoding(Work.Decode work, Device device) {
        return new DecodingTask(work, open(work.model(), device, new Caching.None(), Precision.F32));
    }

    /** The scope holds the model. */
    private record Open(Scope scope, ModelDenoiser denoiser) implements AutoCloseable {
        @Override
        public void close() {
            denoiser.close();
            scope.close();
        }
    }

    private static Open open(Path folder, Device device, Caching caching, Precision precision) {
        var scope = Scope.open();
        var loaded = ModelFolder.map(folder, device);
        return new Open(scope, new ModelDenoiser(loaded.config(), loaded.model(), device, caching, precision));
    }

    private static final class PassTask implements Engine.Task {
        private final Open open;
        private final Canvas canvas;
        private final DenoiseRequest request;
        private final boolean isWhole;
        private final LogitSample sample;

        PassTask(Work.Denoise work, Open open) {
            this.open = open;
            this.canvas = work.canvas();
            this.isWhole = work.pass() == Work.Pass.WHOLE;
            var positions = work.positions();
            // A window at the start of its caches' life: the first request computes everything, later ones the window.
            var window = new Window(isWhole ? 0 : positions[0], canvas.length(), 0, 1);
            this.request = new DenoiseRequest(canvas, positions, 0, List.of(window));
            this.sample = new LogitSample(positions.length, open.denoiser.vocabularySize());
            open.denoiser.begin(canvas);
            open.denoiser.denoise(request, sample);
        }

        @Override
        public void run() {
            if (isWhole) {
                // Else the states of the last run would be found unchanged.
                open.denoiser.begin(canvas);
            }
            open.denoiser.denoise(request, sample);
        }

        @Override
        public float[] sample() {
            return sample.values;
        }

        @Override
        public void close() {
            open.close();
        }
    }

    /** Logits spread over all positions and the vocabulary. */
    static final class LogitSample implements LogitsSink {
        private final int vocabulary;
        private final long size;
        private final float[] values = new float[Operands.SAMPLE];

        LogitSample(int positions, int vocabulary) {
            this.vocabulary = vocabulary;
            this.size = (long) positions * vocabulary;
        }

        /** The index of an element of the sample among all logits [positions,V]. */
        long index(int element) {
            return (size - 1) * element / (values.length - 1);
        }

        @Override
        public void accept(int first, int count, float[] logits) {
            long start = (long) first * vocabulary;
            for (int i = 0; i < values.length; i++) {
                long at = index(i) - start;
                if (at >= 0 && at < (long) count * vocabulary) {
                    values[i] = logits[(int) at];
                }
            }
        }
    }

    private static final class DecodingTask implements Engine.Task {
        private final Open open;
        private final Canvas canvas;
        private final Unmasking unmasking;
        private int[] tokens;

        DecodingTask(Work.Decode work, Open open) {
            this.open = open;
            this.canvas = work.canvas();
            this.tokens = canvas.tokens();
            var settings = UnmaskingSettings.of(CodaModels.MASK, new Sampler.MaskGitPlus(), work.steps())
                    .withTransfers(new TransferSchedule.Even());
            this.unmasking = new Unmasking(settings);
        }

        @Override
        public void run() {
            Denoiser denoiser = open.denoiser;
            tokens = unmasking.run(denoiser, canvas).canvas().tokens();
        }

        @Override
        public float[] sample() {
            return Operands.floats(tokens);
        }

        @Override
        public void close() {
            open.close();
        }
    }
}
