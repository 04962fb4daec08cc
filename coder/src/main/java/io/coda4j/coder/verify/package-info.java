/** Checks of a checkpoint before it is trusted. */
@NullMarked
package io.coda4j.coder.verify;

import org.jspecify.annotations.NullMarked;
