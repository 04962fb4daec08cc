/** Measurements of kernels, of whole programs, and of peers doing the same work. */
@NullMarked
package io.coda4j.bench;

import org.jspecify.annotations.NullMarked;
