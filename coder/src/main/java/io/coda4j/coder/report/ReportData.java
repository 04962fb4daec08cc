package io.coda4j.coder.report;

import io.coda4j.coder.metrics.MetricsLine;
import java.util.List;

/**
 * All that a report shows. Parts that are empty are left out of the page.
 *
 * @param title the heading
 * @param summary one or two sentences below it
 * @param parameters the number of trained parameters
 * @param metrics the lines of the run's log in order
 * @param corpus what the model was trained on
 * @param filmstrips samples from masks to text
 * @param infillings samples of filled holes
 */
public record ReportData(
        String title,
        String summary,
        long parameters,
        List<MetricsLine> metrics,
        Corpus corpus,
        List<Filmstrip> filmstrips,
        List<Infilling> infillings) {
    public ReportData {
        metrics = List.copyOf(metrics);
        filmstrips = List.copyOf(filmstrips);
        infillings = List.copyOf(infillings);
    }
}
