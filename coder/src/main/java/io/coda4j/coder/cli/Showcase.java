package io.coda4j.coder.cli;

import io.coda4j.coder.generate.DenoisingWatcher;
import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.report.Filmstrip;
import io.coda4j.coder.report.Frame;
import io.coda4j.coder.report.Infilling;
import io.coda4j.coder.terminal.DenoisingView;
import io.coda4j.coder.terminal.Piece;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.coder.train.TrainingRun;
import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import io.coda4j.diffusion.sampling.RunListener;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import io.coda4j.nn.LanguageModel;
import io.coda4j.tensor.spi.Device;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Shows a model denoising and infilling held-out code, on the terminal and for the report. */
final class Showcase {
    private static final int FILMSTRIPS = 3;
    private static final int INFILLINGS = 4;
    private static final int FRAMES = 6;
    private static final double NOISE = 0.6;
    private static final int HOLE = 12;

    private final TrainingRun run;
    private final Generator generator;
    private final Terminal terminal;
    private final CounterRandom random;
    private final int length;

    Showcase(TrainingRun run, LanguageModel model, Device device, Terminal terminal, long seed) {
        this.run = run;
        this.generator = new Generator(run.config(), model, run.tokenizer(), device);
        this.terminal = terminal;
        this.random = new CounterRandom(seed);
        this.length = run.config().maxPositions();
    }

    /** Held-out code of which most tokens are masked, denoised step by step. */
    List<Filmstrip> denoise() {
        var strips = new ArrayList<Filmstrip>();
        for (int i = 0; i < FILMSTRIPS; i++) {
            var clean = sample(i);
            var noisy = clean.clone();
            for (int t = 0; t < noisy.length; t++) {
                if (random.uniform(Purpose.EVALUATION, 1, i, t) < NOISE) {
                    noisy[t] = run.config().maskToken();
                }
            }
            terminal.out()
                    .printf(
                            "%nheld-out code, %.0f %% masked, denoised (sample %d of %d):%n",
                            100 * NOISE, i + 1, FILMSTRIPS);
            strips.add(strip("Held-out code, %.0f %% masked".formatted(100 * NOISE), noisy));
        }
        return strips;
    }

    private Filmstrip strip(String title, int[] noisy) {
        var frames = new ArrayList<Frame>();
        int masks = count(noisy);
        int steps = Math.max(1, Math.min(masks, 32));
        try (var view = new DenoisingView(terminal, steps)) {
            int vocabulary = run.config().transformer().vocabulary();
            var watcher = new DenoisingWatcher(
                    run.tokenizer(), vocabulary, run.config().maskToken(), (step, pieces) -> {
                        view.show(step + 1, pieces);
                        frames.add(new Frame(step + 1, pieces));
                    });
            generator.fill(noisy, settings(steps), watcher);
        }
        return new Filmstrip(title, steps, thinned(frames));
    }

    /** A few frames, evenly spaced, the first and the last among them. */
    private static List<Frame> thinned(List<Frame> frames) {
        int count = Math.min(FRAMES, frames.size());
        var chosen = new ArrayList<Frame>();
        for (int i = 0; i < count; i++) {
            chosen.add(frames.get(count == 1 ? 0 : i * (frames.size() - 1) / (count - 1)));
        }
        return chosen;
    }

    /** Held-out code with a hole, filled. */
    List<Infilling> infill() {
        var infillings = new ArrayList<Infilling>();
        for (int i = 0; i < INFILLINGS; i++) {
            var clean = sample(FILMSTRIPS + i);
            int start = holeStart(clean);
            int end = Math.min(clean.length, start + HOLE);
            var noisy = clean.clone();
            Arrays.fill(noisy, start, end, run.config().maskToken());
            var filled = generator
                    .fill(noisy, settings(end - start), RunListener.NONE)
                    .tokens();
            var infilling = new Infilling(
                    "Hole of " + (end - start) + " tokens in held-out code",
                    text(clean, 0, start),
                    text(filled, start, end),
                    text(clean, end, clean.length),
                    text(clean, start, end));
            infillings.add(infilling);
            print(infilling, i);
        }
        return infillings;
    }

    private void print(Infilling infilling, int index) {
        terminal.out().printf("%n%s, filled (%d of %d):%n", infilling.title(), index + 1, INFILLINGS);
        // Without colours the hole must be marked.
        var filled = terminal.isInteractive() ? infilling.generated() : "[[" + infilling.generated() + "]]";
        var pieces = List.of(
                new Piece(tail(infilling.prefix()), io.coda4j.coder.terminal.State.GIVEN, 1),
                new Piece(filled, io.coda4j.coder.terminal.State.NEW, 1),
                new Piece(head(infilling.suffix()), io.coda4j.coder.terminal.State.GIVEN, 1));
        DenoisingView.print(terminal, pieces);
        terminal.out().println("original: " + infilling.reference());
    }

    /** The last lines of a text, for the terminal. */
    private static String tail(String text) {
        var lines = text.lines().toList();
        return String.join("\n", lines.subList(Math.max(0, lines.size() - 4), lines.size()))
                + (text.endsWith("\n") ? "\n" : "");
    }

    /** The first lines of a text, for the terminal. */
    private static String head(String text) {
        var lines = text.lines().toList();
        return String.join("\n", lines.subList(0, Math.min(lines.size(), 4)));
    }

    /** A hole in the middle third, after a line break where there is one, so that it covers the start of a statement. */
    private int holeStart(int[] tokens) {
        for (int i = tokens.length / 3; i < 2 * tokens.length / 3; i++) {
            if (text(tokens, i, i + 1).contains("\n")) {
                return i + 1;
            }
        }
        return tokens.length / 2;
    }

    /** Row {@code index} of those held-out rows of code whose text is not in training. */
    private int[] sample(int index) {
        var text = run.heldOut();
        int rows = text.tokens().length / length;
        int found = 0;
        for (int at = 0; ; at++) {
            int row = (int) ((long) (7 + at) * 7919 % rows);
            var tokens = Arrays.copyOfRange(text.tokens(), row * length, (row + 1) * length);
            boolean isFresh = true;
            for (int i = row * length; i < (row + 1) * length; i++) {
                isFresh &= text.fresh()[i];
            }
            // After a full round, rows that are not wholly fresh or hold little code must do.
            if (isFresh && isCode(tokens) || at > rows) {
                if (found++ == index) {
                    return tokens;
                }
            }
        }
    }

    private boolean isCode(int[] tokens) {
        var text = text(tokens, 0, tokens.length);
        long comment = text.lines()
                .filter(line -> line.strip().startsWith("*") || line.strip().startsWith("/"))
                .count();
        return text.contains("return") && comment * 3 < text.lines().count();
    }

    private int count(int[] tokens) {
        return (int)
                Arrays.stream(tokens).filter(t -> t == run.config().maskToken()).count();
    }

    private String text(int[] tokens, int start, int end) {
        return run.tokenizer().decode(Arrays.copyOfRange(tokens, start, end));
    }

    private UnmaskingSettings settings(int steps) {
        return UnmaskingSettings.of(run.config().maskToken(), new Sampler.Entropy(), steps)
                .withSuppressed(generator.unprintable());
    }
}
