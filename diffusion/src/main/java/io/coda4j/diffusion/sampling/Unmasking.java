package io.coda4j.diffusion.sampling;

import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * The loop that fills the masked positions of a canvas, wherever they are.
 *
 * <p>Every row is decoded as if it were alone: its counts come from its own masks and its draws from its own id. A step at
 * which nothing would be committed is skipped without calling the model, unless hooks could tell the difference;
 * because draws are addressed and not consumed, skipping changes nothing.
 *
 * <p>An instance may be used for several runs one after the other, by one thread at a time.
 */
public final class Unmasking {
    private final UnmaskingSettings settings;
    private final StepHooks hooks;
    private final RunListener listener;
    private final CounterRandom random;

    public Unmasking(UnmaskingSettings settings) {
        this(settings, StepHooks.NONE);
    }

    public Unmasking(UnmaskingSettings settings, StepHooks hooks) {
        this(settings, hooks, RunListener.NONE);
    }

    public Unmasking(UnmaskingSettings settings, StepHooks hooks, RunListener listener) {
        this.settings = settings;
        this.hooks = hooks;
        this.listener = listener;
        this.random = new CounterRandom(settings.seed());
    }

    /** Fills a copy of {@code start}; row {@code b} draws under id {@code b}. */
    public Unmasked run(Denoiser denoiser, Canvas start) {
        return run(denoiser, start, IntStream.range(0, start.rows()).toArray());
    }

    /**
     * Fills a copy of {@code start}.
     *
     * @param rowIds {@code [rows]} addresses of the rows' draws: a row with the same id, seed and tokens gets the same result in
     *     any batch
     */
    public Unmasked run(Denoiser denoiser, Canvas start, int[] rowIds) {
        if (rowIds.length != start.rows()) {
            throw new IllegalArgumentException("rowIds has " + rowIds.length + " elements, expected " + start.rows());
        }
        return new Run(denoiser, start.copy(), rowIds).finish();
    }

    /** The state of one run. */
    private final class Run {
        private final Denoiser denoiser;
        private final Canvas canvas;
        private final int[] rowIds;
        private final TokenChoices choices;
        private final List<int[]> history = new ArrayList<>();
        private int forwards;
        private long evaluatedPositions;

        Run(Denoiser denoiser, Canvas canvas, int[] rowIds) {
            this.denoiser = denoiser;
            this.canvas = canvas;
            this.rowIds = rowIds.clone();
            this.choices = new TokenChoices(settings, denoiser.vocabularySize());
        }

        Unmasked finish() {
            hooks.beforeFirstStep(canvas);
            listener.begun(canvas);
            denoiser.begin(canvas);
            var ends = new EarlyEnd(settings, canvas);
            var plans = IntStream.range(0, canvas.rows())
                    .mapToObj(row -> RowPlan.of(settings, canvas, row))
                    .toList();
            for (int step = 0; step < settings.steps() || settings.rule() instanceof CommitRule.Adaptive; step++) {
                int at = step;
                var windows = plans.stream().map(plan -> plan.window(at)).toList();
                if (plans.stream().allMatch(Run::isFinished)) {
                    break;
                }
                switch (settings.sampler()) {
                    case Sampler.Origin _ -> commitByChance(step, windows);
                    case Sampler.ByConfidence _ -> commitByConfidence(step, windows, plans);
                }
                ends.apply(canvas);
                hooks.tokens(step, canvas);
                listener.committed(step, canvas);
                if (settings.history()) {
                    history.add(canvas.tokens().clone());
                }
            }
            int left = 0;
            for (int row = 0; row < canvas.rows(); row++) {
                left += canvas.count(settings.maskId(), row, 0, canvas.lengths()[row]);
            }
            return new Unmasked(canvas, forwards, evaluatedPositions, left, List.copyOf(history));
        }

        /** Scheduled rows are finished when the steps are. */
        private static boolean isFinished(RowPlan plan) {
            return switch (plan) {
                case RowPlan.Scheduled _ -> false;
                case RowPlan.ByRule byRule -> byRule.isFinished();
            };
        }

        private void commitByConfidence(int step, List<Window> windows, List<RowPlan> plans) {
            var most = new int[canvas.rows()];
            for (int row = 0; row < most.length; row++) {
                var window = windows.get(row);
                int live = canvas.count(settings.maskId(), row, window.start(), window.end());
                most[row] = plans.get(row).mostCommits(window, live);
            }
            boolean asksAll = !hooks.equals(StepHooks.NONE);
            var request = request(step, windows, position -> asksAll || most[position / canvas.length()] > 0);
            if (request.positions().length == 0) {
                return;
            }
            evaluate(request);
            int from = 0;
            while (from < request.positions().length) {
                int row = request.positions()[from] / canvas.length();
                int to = from;
                while (to < request.positions().length && request.positions()[to] / canvas.length() == row) {
                    to++;
                }
                commit(request, choices.selected(request, rowIds, from, to, most[row]), plans.get(row));
                from = to;
            }
        }

        private void commit(DenoiseRequest request, int[] selected, RowPlan plan) {
            var confidences = new float[selected.length];
            for (int n = 0; n < selected.length; n++) {
                confidences[n] = choices.confidence(selected[n]);
            }
            int count = plan.commits(confidences);
            for (int n = 0; n < count; n++) {
                canvas.tokens()[request.positions()[selected[n]]] = choices.token(selected[n]);
            }
        }

        /** Positions are chosen before the model is asked, so only those that will be committed are computed. */
        private void commitByChance(int step, List<Window> windows) {
            var schedule = (TransferSchedule.Linspace) settings.transfers();
            var chosen = new boolean[canvas.tokens().length];
            for (int row = 0; row < canvas.rows(); row++) {
                var window = windows.get(row);
                float probability = schedule.probability(window.step(), window.steps());
                for (int column = window.start(); column < window.end(); column++) {
                    chosen[row * canvas.length() + column] =
                            random.uniform(Purpose.UNMASK_GATE, step, rowIds[row], column) < probability;
                }
            }
            boolean asksAll = !hooks.equals(StepHooks.NONE);
            var request = request(step, windows, position -> asksAll || chosen[position]);
            if (request.positions().length == 0) {
                return;
            }
            evaluate(request);
            for (int n = 0; n < request.positions().length; n++) {
                if (chosen[request.positions()[n]]) {
                    canvas.tokens()[request.positions()[n]] = choices.token(n);
                }
            }
        }

        private DenoiseRequest request(int step, List<Window> windows, IntPredicate isWanted) {
            var positions = new int[canvas.tokens().length];
            int count = 0;
            for (int row = 0; row < canvas.rows(); row++) {
                var window = windows.get(row);
                for (int column = window.start(); column < window.end(); column++) {
                    int position = row * canvas.length() + column;
                    if (canvas.tokens()[position] == settings.maskId() && isWanted.test(position)) {
                        positions[count++] = position;
                    }
                }
            }
            return new DenoiseRequest(canvas, Arrays.copyOf(positions, count), step, windows);
        }

        private void evaluate(DenoiseRequest request) {
            int wanted = request.positions().length;
            choices.begin(wanted);
            int[] delivered = {0};
            denoiser.denoise(request, (first, count, logits) -> {
                if (first != delivered[0] || count < 1 || count > wanted - first) {
                    throw new IllegalStateException("the denoiser delivered logits of positions " + first + " to "
                            + (first + count - 1) + ", expected the next of " + wanted + " from " + delivered[0]);
                }
                delivered[0] += count;
                hooks.logits(request, first, count, logits);
                listener.evaluated(request, first, count, logits);
                choices.choose(request, rowIds, first, count, logits);
            });
            if (delivered[0] != wanted) {
                throw new IllegalStateException(
                        "the denoiser delivered logits of " + delivered[0] + " positions, expected " + wanted);
            }
            forwards++;
            evaluatedPositions += wanted;
        }
    }
}
