/**
 * Layers, models and optimisers as plain records of tensors.
 *
 * <p>A layer is a value: its components are its weights and its fixed settings. The path of a weight through the
 * records, in snake case, is its key in a Hugging Face checkpoint.
 */
@NullMarked
package io.coda4j.nn;

import org.jspecify.annotations.NullMarked;
