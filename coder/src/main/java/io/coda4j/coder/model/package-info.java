/** Models in Hugging Face layout: configuration, weights, initialisation. */
@NullMarked
package io.coda4j.coder.model;

import org.jspecify.annotations.NullMarked;
