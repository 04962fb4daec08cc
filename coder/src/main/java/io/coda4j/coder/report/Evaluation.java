package io.coda4j.coder.report;

import io.coda4j.coder.metrics.EvalLine;
import io.coda4j.coder.metrics.Score;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * The evaluations of one step over all noise levels, each position counted once.
 *
 * @param step the step
 * @param tokens the tokens trained on by then
 * @param loss the mean loss per masked position
 * @param all the mean scores over all positions
 * @param unseen the mean scores over unseen positions, or null if not measured
 */
record Evaluation(
        long step,
        long tokens,
        double loss,
        Score all,
        @Nullable Score unseen) {
    /** One evaluation per step, in order of steps. */
    static List<Evaluation> perStep(List<EvalLine> lines) {
        var byStep = new TreeMap<Long, List<EvalLine>>();
        lines.forEach(line ->
                byStep.computeIfAbsent(line.step(), _ -> new ArrayList<>()).add(line));
        return byStep.values().stream().map(Evaluation::mean).toList();
    }

    private static Evaluation mean(List<EvalLine> lines) {
        var all = lines.stream().map(EvalLine::all).toList();
        var unseen = new ArrayList<Score>();
        double loss = 0;
        for (var line : lines) {
            loss += line.loss() * line.all().positions();
            if (line.unseen() != null) {
                unseen.add(line.unseen());
            }
        }
        var score = pool(all);
        return new Evaluation(
                lines.getFirst().step(),
                lines.getFirst().tokens(),
                loss / score.positions(),
                score,
                unseen.isEmpty() ? null : pool(unseen));
    }

    private static Score pool(List<Score> scores) {
        long positions = scores.stream().mapToLong(Score::positions).sum();
        return new Score(
                positions,
                mean(scores, positions, Score::accuracy),
                mean(scores, positions, Score::baselineUnigram),
                mean(scores, positions, Score::baselineNeighbours));
    }

    private static double mean(List<Score> scores, long positions, ToDoubleFunction<Score> share) {
        return scores.stream()
                        .mapToDouble(score -> share.applyAsDouble(score) * score.positions())
                        .sum()
                / positions;
    }
}
