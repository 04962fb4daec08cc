/** The command line. */
@NullMarked
package io.coda4j.coder.cli;

import org.jspecify.annotations.NullMarked;
