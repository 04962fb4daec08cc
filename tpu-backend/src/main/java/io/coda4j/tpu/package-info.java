/**
 * Programs as StableHLO text, for devices behind PJRT.
 *
 * <p>{@link io.coda4j.tpu.StableHlo} decides what each primitive is in StableHLO, {@code HloBody} appends the
 * operations, {@code HloText} knows how types and literals are written, and {@code HloSharding} how places on a mesh are.
 */
@NullMarked
package io.coda4j.tpu;

import org.jspecify.annotations.NullMarked;
