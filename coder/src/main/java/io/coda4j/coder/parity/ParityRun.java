package io.coda4j.coder.parity;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.parity.ParityResult.Status;
import io.coda4j.tensor.spi.Device;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Replays a folder of results that a reference implementation recorded, with the compiled programs of one device.
 *
 * <p>The folder has up to five families of cases: {@code forward}, {@code loss}, {@code sampler}, {@code optim} and {@code
 * train}. Every size is read from its files. A case that fails or cannot be read is reported, and the others go on.
 */
public final class ParityRun {
    private final Path root;
    private final List<Family> families;

    /**
     * A replay of {@code root} on {@code device}.
     *
     * @throws ParityException if the folder holds none of the families
     */
    public ParityRun(Path root, Device device) {
        this(root, device, Precision.F32);
    }

    /**
     * A replay of {@code root} on {@code device} with products of another precision: with BF16 forward passes and sampler runs
     * compute as {@code coda generate --precision bf16} does, losses and training runs as {@code coda train} does, within the
     * tolerances of {@link #toleranceRule}. What has no products is compared as ever.
     *
     * @throws ParityException if the folder holds none of the families
     * @throws IllegalArgumentException if the precision is neither F32 nor BF16: no recorded weights are INT8
     */
    public ParityRun(Path root, Device device, Precision precision) {
        if (precision == Precision.INT8) {
            throw new IllegalArgumentException("results are recorded with F32 and BF16 weights, none with INT8 ones");
        }
        this.root = root;
        var folder = new FixtureFolder(root);
        this.families = List.of(
                new ForwardFamily(folder, device, precision),
                new LossFamily(folder, device, precision),
                new SamplerFamily(folder, device, precision),
                new OptimFamily(folder, device),
                new TrainFamily(folder, device, precision));
        if (!Files.isDirectory(root)) {
            throw new ParityException(root + ": is not a folder; expected one of recorded results with " + labels());
        }
        if (families.stream().noneMatch(this::isPresent)) {
            throw new ParityException(root + ": is not a folder of recorded results; it holds none of " + labels());
        }
    }

    /** How tolerances come about, for people; empty for F32, whose are fixed. */
    public static Optional<String> toleranceRule(Precision precision) {
        return precision == Precision.BF16 ? Optional.of(Bf16Bounds.RULE) : Optional.empty();
    }

    private List<String> labels() {
        return families.stream().map(family -> family.label() + "/").toList();
    }

    private boolean isPresent(Family family) {
        return Files.isDirectory(root.resolve(family.label()));
    }

    /**
     * Replays all cases.
     *
     * @param listener told of each result as soon as it is there
     * @throws ParityException if there is not a single case
     */
    public ParitySummary run(Consumer<ParityResult> listener) {
        var counts = new int[Status.values().length];
        Consumer<ParityResult> counting = result -> {
            counts[result.status().ordinal()]++;
            listener.accept(result);
        };
        for (var family : families) {
            var recorder = new Recorder(family.label(), counting);
            if (!isPresent(family)) {
                recorder.skip("folder " + family.label() + "/ is absent");
                continue;
            }
            recorder.group("(family)", new Tolerance.Exact(), () -> family.replay(recorder));
            if (recorder.results() == 0) {
                recorder.skip("folder " + family.label() + "/ holds no cases");
            }
        }
        var summary = new ParitySummary(
                counts[Status.PASS.ordinal()], counts[Status.FAIL.ordinal()], counts[Status.SKIP.ordinal()]);
        if (summary.passed() + summary.failed() == 0) {
            throw new ParityException(root + ": holds no recorded results; expected cases in " + labels());
        }
        return summary;
    }
}
