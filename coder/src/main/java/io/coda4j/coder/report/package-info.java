/**
 * A run as one HTML file: curves, scores, samples, corpus and settings, readable offline and on paper.
 *
 * <p>{@link io.coda4j.coder.report.HtmlReport} lays out the page and {@link io.coda4j.coder.report.LineChart} draws the
 * charts. All text passes through one escape function, because {@code Markup} offers no other way to write it.
 */
@NullMarked
package io.coda4j.coder.report;

import org.jspecify.annotations.NullMarked;
