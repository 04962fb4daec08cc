package io.coda4j.coder.report;

/**
 * One artifact of the training corpus.
 *
 * @param artifact its coordinates, such as {@code org.apache.commons:commons-lang3:3.17.0}
 * @param licence its licence
 * @param files source files used
 * @param bytes their size after licence headers were removed
 * @param tokens their tokens
 */
public record CorpusSource(String artifact, String licence, long files, long bytes, long tokens) {}
