/** XLA's own CPU compiler as a device, for the tests of all modules that find it on their class path. */
@NullMarked
package io.coda4j.tpu.testing;

import org.jspecify.annotations.NullMarked;
