/**
 * A small strict JSON reader and printer for the headers and settings that travel with model weights.
 *
 * <p>It exists so that the library modules need no third-party parser; it is strict because a header that two readers
 * understand differently is a broken file. It is not a data-binding library.
 */
@NullMarked
package io.coda4j.nn.json;

import org.jspecify.annotations.NullMarked;
