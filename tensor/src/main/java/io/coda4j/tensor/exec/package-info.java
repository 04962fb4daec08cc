/** Running programs on devices that execute one kernel after the other: memory planning, binding, execution. */
@NullMarked
package io.coda4j.tensor.exec;

import org.jspecify.annotations.NullMarked;
