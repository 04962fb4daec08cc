/** Learning-rate schedules: pure functions from the step number to a rate. */
@NullMarked
package io.coda4j.nn.schedule;

import org.jspecify.annotations.NullMarked;
