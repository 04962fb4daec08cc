/**
 * Machine code for x86-64 that is assembled at run time, for products that the Vector API has no words for: BF16 and INT8
 * on AMX, AVX512-BF16 and VNNI.
 *
 * <p>{@link io.coda4j.tensor.cpu.x86.Assembler} turns kernels written in Java into bytes. The package knows addresses and
 * layouts, not tensors.
 *
 * <p>References in this package are to the Intel 64 and IA-32 Architectures Software Developer's Manual (SDM).
 */
@NullMarked
package io.coda4j.tensor.cpu.x86;

import org.jspecify.annotations.NullMarked;
