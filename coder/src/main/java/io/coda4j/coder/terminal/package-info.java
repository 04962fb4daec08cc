/**
 * Showing work to a person: progress, and text that is being denoised.
 *
 * <p>On a terminal lines are redrawn in place and coloured; everywhere else (a file, a pipe, a CI log) the same
 * information comes as few plain lines without escape sequences. {@link io.coda4j.coder.terminal.Terminal} decides which.
 */
@NullMarked
package io.coda4j.coder.terminal;

import org.jspecify.annotations.NullMarked;
