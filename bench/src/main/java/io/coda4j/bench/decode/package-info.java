/** Ways of decoding compared by time and memory, each in a process of its own. */
@NullMarked
package io.coda4j.bench.decode;

import org.jspecify.annotations.NullMarked;
