/** Training: recipes, data order, the compiled step, checkpoints, evaluation. */
@NullMarked
package io.coda4j.coder.train;

import org.jspecify.annotations.NullMarked;
