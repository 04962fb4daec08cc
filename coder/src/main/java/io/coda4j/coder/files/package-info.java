/** Files that survive interruptions. */
@NullMarked
package io.coda4j.coder.files;

import org.jspecify.annotations.NullMarked;
