package io.coda4j.bench.decode;

import io.coda4j.coder.generate.Generator;
import io.coda4j.diffusion.sampling.Canvas;
import io.coda4j.diffusion.sampling.DenoiseRequest;
import io.coda4j.diffusion.sampling.RunListener;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.tensor.spi.Device;
import io.coda4j.tensor.spi.Devices;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/** Measures one cell of the table in this process. */
final class DecodeCell {
    private final CellRequest request;
    private final Clock clock;
    private double loadSeconds;

    private DecodeCell(CellRequest request, IntConsumer progress) {
        this.request = request;
        this.clock = new Clock(progress);
    }

    /**
     * Loads the model and decodes.
     *
     * @param notes told what there is to say about the choice of the device
     * @param progress told the number of steps done after each
     */
    static CellResult measure(CellRequest request, Consumer<String> notes, IntConsumer progress) {
        return new DecodeCell(request, progress).measure(notes);
    }

    private CellResult measure(Consumer<String> notes) {
        long began = System.nanoTime();
        var device = Devices.open(request.device(), notes);
        try (var loaded = Generator.open(request.model(), device, request.precision());
                var generator = loaded.withCaching(request.decoding().caching())) {
            clock.loaded = System.nanoTime();
            loadSeconds = (clock.loaded - began) * 1e-9;
            var canvas = SampleCanvas.of(request, generator);
            var settings = request.decoding().settings(request, generator);
            return request.isSampled()
                    ? sampled(generator, device, canvas, settings)
                    : whole(generator, device, canvas, settings);
        } finally {
            if (device != Devices.defaultDevice()) {
                device.close();
            }
        }
    }

    private CellResult whole(Generator generator, Device device, SampleCanvas canvas, UnmaskingSettings settings) {
        var filled = generator.fill(canvas.withMasks(request.newTokens()), settings, clock);
        var work = filled.work();
        int pad = generator.config().padToken();
        int generated = (int) Arrays.stream(filled.tokens())
                .skip(request.promptTokens())
                .filter(token -> token != pad && token != generator.maskId())
                .count();
        var phases = new CellResult.Phases(
                loadSeconds, work.wholeSeconds(), work.windowSeconds(), work.headSeconds(), filled.choiceSeconds());
        return result(generator, device, filled.seconds(), filled.forwards(), generated, phases);
    }

    private CellResult sampled(Generator generator, Device device, SampleCanvas canvas, UnmaskingSettings settings) {
        var cost = SampledSteps.estimate(generator, request, canvas, settings, clock);
        var phases = new CellResult.Phases(
                loadSeconds, cost.passes(), 0, cost.head(), cost.all() - cost.passes() - cost.head());
        int forwards = SampledSteps.masksBySteps(request.newTokens()).length;
        return result(generator, device, cost.all(), forwards, request.newTokens(), phases);
    }

    private CellResult result(
            Generator generator,
            Device device,
            double seconds,
            long forwards,
            int generated,
            CellResult.Phases phases) {
        return new CellResult(
                request.decoding().label(),
                generator.precision().label(),
                device.name() + " (" + device.description() + ")",
                request.isSampled(),
                request.isSampled() ? request.sampleSteps() : null,
                seconds,
                forwards,
                generated,
                generated / (double) Math.max(1, forwards),
                generated / seconds,
                clock.firstFromStart,
                clock.firstFromLoad,
                phases,
                ResidentMemory.now().orElse(null),
                clock.peakBeyondMapped);
    }

    /** Notes when the first step that asked the model was done, and the most memory after any. */
    private static final class Clock implements RunListener {
        private final IntConsumer progress;
        private long loaded;
        private int steps;
        private boolean hasRun;
        private @Nullable Double firstFromStart;
        private double firstFromLoad = Double.NaN;
        private @Nullable Long peakBeyondMapped;

        Clock(IntConsumer progress) {
            this.progress = progress;
        }

        @Override
        public void evaluated(DenoiseRequest request, int first, int count, float[] logits) {
            hasRun = true;
        }

        @Override
        public void committed(int step, Canvas canvas) {
            if (hasRun && Double.isNaN(firstFromLoad)) {
                firstFromLoad = (System.nanoTime() - loaded) * 1e-9;
                firstFromStart = sinceStart();
            }
            ResidentMemory.now().map(ResidentMemory::beyondMappedBytes).ifPresent(this::held);
            steps++;
            progress.accept(steps);
        }

        private void held(long bytes) {
            peakBeyondMapped = peakBeyondMapped == null ? bytes : Math.max(bytes, peakBeyondMapped);
        }

        private static @Nullable Double sinceStart() {
            return ProcessHandle.current()
                    .info()
                    .startInstant()
                    .map(start -> Duration.between(start, Instant.now()).toNanos() * 1e-9)
                    .orElse(null);
        }
    }
}
