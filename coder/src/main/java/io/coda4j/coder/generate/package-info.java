/** Filling masked tokens with a trained model. */
@NullMarked
package io.coda4j.coder.generate;

import org.jspecify.annotations.NullMarked;
