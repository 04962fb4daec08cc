/** What reading and writing files has in common. */
@NullMarked
package io.coda4j.nn.files;

import org.jspecify.annotations.NullMarked;
