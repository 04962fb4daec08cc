/** What a device must offer to run programs. */
@NullMarked
package io.coda4j.tensor.spi;

import org.jspecify.annotations.NullMarked;
