/** The same work done by this engine and by others, each in a process of its own, taking turns. */
@NullMarked
package io.coda4j.bench.peers;

import org.jspecify.annotations.NullMarked;
