package io.coda4j.coder.cli;

import io.coda4j.coder.generate.DenoisingWatcher;
import io.coda4j.coder.generate.GenerationException;
import io.coda4j.coder.generate.Generator;
import io.coda4j.coder.generate.Template;
import io.coda4j.coder.terminal.DenoisingView;
import io.coda4j.coder.terminal.Terminal;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.CommitRule;
import io.coda4j.diffusion.sampling.RunListener;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;
import tools.jackson.databind.json.JsonMapper;

/** Fills a template, for the commands that do, and says what that took. */
final class Filling {
    private final Generator generator;
    private final Template template;
    private final Template.Hole window;
    private final SamplingOptions options;
    private final boolean isOpen;

    /**
     * A template to be filled.
     *
     * @param generator with the cache that is to be used
     * @param isOpen whether the text ends where the model ends it, which may be before the end of its only hole
     * @throws UsageException if the holes leave no room for any of the given text
     * @throws GenerationException if the model cannot see all holes, or not what it would have to see
     */
    Filling(Generator generator, Template template, SamplingOptions options, boolean isOpen) {
        this.generator = generator;
        this.template = template;
        this.options = options;
        this.isOpen = isOpen;
        this.window = template.window(generator.config().maxPositions());
        requireContext();
        if (generator.isAutoregressive()) {
            requireContinuation();
        }
    }

    /**
     * Requires that the model can see as many tokens as {@code option} asks it to write.
     *
     * @throws UsageException naming the option
     */
    static void requireRoom(Generator generator, String option, int count) {
        int positions = generator.config().maxPositions();
        if (count > positions) {
            throw new UsageException(option + ": the model sees " + positions
                    + " tokens, those that are given among them, got " + count + "; ask for fewer");
        }
    }

    /** A model that sees nothing of the text it is given would write something else, and nobody would know why. */
    private void requireContext() {
        int given = template.tokens().length - masks();
        if (given == 0 || window.length() > masks()) {
            return;
        }
        int positions = generator.config().maxPositions();
        if (isOpen) {
            throw new UsageException("--max-tokens: the model sees " + positions + " tokens, got " + masks()
                    + ", which leaves none for the " + given + " of the prompt; lower it"
                    + (given < positions ? ", to " + (positions - given) + " for all of them" : ""));
        }
        throw new UsageException("the model sees " + positions + " tokens and the holes have " + masks()
                + ", which leaves none for the " + given
                + " given around them; make the holes shorter (--tokens, or n in [[MASK:n]])");
    }

    private void requireContinuation() {
        var hole = template.holes().getLast();
        if (template.holes().size() > 1 || hole.end() < template.tokens().length) {
            throw new GenerationException("this model is autoregressive and cannot see what follows a hole; it can only"
                    + " continue a text");
        }
        if (hole.start() == window.start()) {
            throw new GenerationException("an autoregressive model needs a text to continue; the prompt is empty");
        }
    }

    private int masks() {
        return template.holes().stream().mapToInt(Template.Hole::length).sum();
    }

    /** Tokens outside the window: the model does not see them, and they are printed as they are. */
    private int unseen() {
        return template.tokens().length - window.length();
    }

    /** Says what part of the given text the model sees, if it does not see all of it. */
    Optional<String> cut() {
        if (unseen() == 0) {
            return Optional.empty();
        }
        int positions = generator.config().maxPositions();
        var seen = "the model sees " + String.join(" and ", seenParts()) + "; it sees " + positions + " in all";
        return Optional.of(isOpen ? seen + ", and --max-tokens takes " + masks() : seen);
    }

    /** The sides of the holes on which the model does not see everything. */
    private List<String> seenParts() {
        int first = template.holes().getFirst().start();
        int last = template.holes().getLast().end();
        int behind = template.tokens().length - last;
        var holes = template.holes().size() == 1 ? "the hole" : "the holes";
        var parts = new ArrayList<String>();
        if (window.start() > 0) {
            parts.add("the last " + (first - window.start()) + " of " + first + " tokens "
                    + (isOpen ? "of the prompt" : "before " + holes));
        }
        if (window.end() - last < behind) {
            parts.add("the first " + (window.end() - last) + " of " + behind + " tokens after " + holes);
        }
        return parts;
    }

    private int[] visible() {
        return Arrays.copyOfRange(template.tokens(), window.start(), window.end());
    }

    /** Fills the holes without showing anything. */
    Result run() {
        return run(RunListener.NONE);
    }

    /** Fills the holes; standard output gets the text as it grows. */
    Result stream() {
        int firstHole = template.holes().getFirst().start() - window.start();
        var stream = new TextStream(
                generator.tokenizer(),
                generator.maskId(),
                0,
                firstHole,
                isOpen ? generator.ends() : Set.of(),
                System.out);
        var tokens = template.tokens();
        stream.given(Arrays.copyOf(tokens, window.start()));
        var result = run(stream);
        stream.given(Arrays.copyOfRange(tokens, window.end(), tokens.length));
        stream.finish();
        return result;
    }

    /** Fills the holes; standard error shows each step. */
    Result watch() {
        var settings = settings();
        // A rule takes one step per token at the most.
        int steps = settings.rule() instanceof CommitRule.Scheduled ? settings.steps() : masks();
        try (var view = new DenoisingView(Terminal.of(System.err), steps)) {
            var watcher = new DenoisingWatcher(
                    generator.tokenizer(),
                    generator.config().transformer().vocabulary(),
                    generator.maskId(),
                    0,
                    isOpen ? generator.ends() : Set.of(),
                    (step, pieces) -> view.show(step + 1, pieces));
            return run(watcher);
        }
    }

    private UnmaskingSettings settings() {
        return options.settings(generator, visible(), isOpen);
    }

    private Result run(RunListener listener) {
        return new Result(generator.fill(visible(), settings(), listener));
    }

    /** Fills the holes of several templates with the same generator and options in one batch. */
    static List<Result> runTogether(List<Filling> fillings) {
        // How many masks there are, and with that the settings, is the same for all.
        var settings = fillings.stream().map(Filling::settings).toList().getFirst();
        var rows = fillings.stream().map(Filling::visible).toList();
        var filled = fillings.getFirst().generator.fill(rows, settings, RunListener.NONE);
        return IntStream.range(0, filled.size())
                .mapToObj(row -> fillings.get(row).new Result(filled.get(row)))
                .toList();
    }

    /** Fills the holes again, with the reference decoder: no cache, no blocks, the scheduled number of tokens per step. */
    Result exact() {
        try (var reference = generator.withCaching(new Caching.None())) {
            var settings = options.exactSettings(reference, visible(), isOpen);
            return new Result(reference.fill(visible(), settings, RunListener.NONE));
        }
    }

    /** A filled template. */
    final class Result {
        private final Generator.Filled filled;
        private final int[] tokens;
        private final int end;

        private Result(Generator.Filled filled) {
            this.filled = filled;
            var whole = template.tokens().clone();
            System.arraycopy(filled.tokens(), 0, whole, window.start(), filled.tokens().length);
            this.end = isOpen ? end(whole) : whole.length;
            this.tokens = Arrays.copyOf(whole, end);
        }

        /** Where the model ended the text. */
        private int end(int[] whole) {
            int start = template.holes().getFirst().start();
            var ends = generator.ends();
            return IntStream.range(start, whole.length)
                    .filter(i -> ends.contains(whole[i]))
                    .findFirst()
                    .orElse(whole.length);
        }

        /** The whole text. */
        String text() {
            return generator.tokenizer().decode(tokens);
        }

        /** Tokens that the model wrote and that are text. */
        private int generated() {
            return template.holes().stream()
                    .mapToInt(hole -> Math.max(0, Math.min(hole.end(), end) - hole.start()))
                    .sum();
        }

        /** How far this result is from that of the reference decoder. */
        Drift drift(Result exact) {
            int last = Math.max(end, exact.end);
            int positions = 0;
            int equal = 0;
            int first = -1;
            for (var hole : template.holes()) {
                for (int i = hole.start(); i < Math.min(hole.end(), last); i++) {
                    boolean isSame = i < end && i < exact.end && tokens[i] == exact.tokens[i];
                    positions++;
                    equal += isSame ? 1 : 0;
                    first = !isSame && first < 0
                            ? i - template.holes().getFirst().start()
                            : first;
                }
            }
            return new Drift(positions, equal, first, exact.filled.forwards(), exact.filled.seconds());
        }

        /** The result for machines. */
        Map<String, Object> fields(double loadSeconds) {
            var fields = textFields();
            fields.putAll(runFields(generated(), loadSeconds));
            return fields;
        }

        private Map<String, Object> textFields() {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("text", text());
            fields.put("holes", template.holes().stream().map(this::holeFields).toList());
            fields.put("tokens", tokens);
            fields.put("unseenTokens", unseen());
            fields.put("generatedTokens", generated());
            return fields;
        }

        private Map<String, Object> holeFields(Template.Hole hole) {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("text", decode(hole));
            fields.put("tokens", hole.length());
            return fields;
        }

        /** What the run took that wrote {@code generated} tokens. */
        private Map<String, Object> runFields(int generated, double loadSeconds) {
            var work = filled.work();
            var fields = new LinkedHashMap<String, Object>();
            fields.put("precision", generator.precision().label());
            fields.put("cache", generator.caching().label());
            fields.put("decode", settings().rule().label());
            fields.put("forwards", filled.forwards());
            fields.put("wholePasses", work.wholePasses());
            fields.put("windowPasses", work.windowPasses());
            fields.put("columns", work.columns());
            fields.put("tokensPerForward", generated / (double) Math.max(1, filled.forwards()));
            fields.put("seconds", filled.seconds());
            fields.put("tokensPerSecond", generated / filled.seconds());
            var phases = new LinkedHashMap<String, Object>();
            phases.put("load", loadSeconds);
            phases.put("wholePasses", work.wholeSeconds());
            phases.put("windowPasses", work.windowSeconds());
            phases.put("head", work.headSeconds());
            phases.put("choice", filled.choiceSeconds());
            fields.put("phases", phases);
            return fields;
        }

        private String decode(Template.Hole hole) {
            int from = Math.min(hole.start(), end);
            return generator.tokenizer().decode(Arrays.copyOfRange(tokens, from, Math.min(hole.end(), end)));
        }
    }

    /** The results of a batch for machines: the texts, and what all of them took together. */
    static Map<String, Object> fields(List<Result> results, double loadSeconds) {
        int generated = results.stream().mapToInt(Result::generated).sum();
        var fields = new LinkedHashMap<String, Object>();
        fields.put("texts", results.stream().map(Result::textFields).toList());
        fields.put("generatedTokens", generated);
        fields.putAll(results.getFirst().runFields(generated, loadSeconds));
        return fields;
    }

    /**
     * The distance of a result from that of the reference decoder.
     *
     * @param positions tokens compared: all that either wrote
     * @param equal of them the same in both
     * @param first of the generated tokens that differs, -1 if none does
     */
    record Drift(int positions, int equal, int first, long exactForwards, double exactSeconds) {
        private double agreement() {
            return positions == 0 ? 1 : equal / (double) positions;
        }

        Map<String, Object> fields() {
            var fields = new LinkedHashMap<String, Object>();
            fields.put("agreement", agreement());
            fields.put("positions", positions);
            fields.put("equal", equal);
            fields.put("firstDifference", first);
            fields.put("exactForwards", exactForwards);
            fields.put("exactSeconds", exactSeconds);
            return fields;
        }

        @Override
        public String toString() {
            return String.format(
                    Locale.ROOT,
                    "drift: %d of %d tokens (%.1f %%) as the exact decoder has them%s; it took %d forwards and %.2f s",
                    equal,
                    positions,
                    100 * agreement(),
                    first < 0 ? "" : ", the first difference at generated token " + first,
                    exactForwards,
                    exactSeconds);
        }
    }

    /** A tree of maps and lists as indented JSON. */
    static String json(Map<String, Object> fields) {
        return new JsonMapper().writerWithDefaultPrettyPrinter().writeValueAsString(fields);
    }
}
