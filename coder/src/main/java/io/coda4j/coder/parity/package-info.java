/** Replaying recorded results of a reference implementation against this engine. */
@NullMarked
package io.coda4j.coder.parity;

import org.jspecify.annotations.NullMarked;
