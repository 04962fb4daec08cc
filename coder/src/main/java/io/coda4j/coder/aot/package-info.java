/** Programs compiled for devices that are not here: what they are, and what their compilation says of a run. */
@NullMarked
package io.coda4j.coder.aot;

import org.jspecify.annotations.NullMarked;
