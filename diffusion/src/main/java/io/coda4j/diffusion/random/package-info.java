/** Counter-based random numbers: a draw is a function of what it is for, never of when it is made. */
@NullMarked
package io.coda4j.diffusion.random;

import org.jspecify.annotations.NullMarked;
