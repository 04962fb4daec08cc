package io.coda4j.coder.corpus;

/**
 * A file that was found but not used.
 *
 * @param name path inside its artifact or folder
 * @param reason for example {@code not UTF-8 text}
 */
public record SkippedFile(String name, String reason) {}
