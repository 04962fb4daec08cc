/**
 * Machine code for x86-64 that is assembled at run time, for products that the Vector API has no words for: BF16 on AMX and
 * AVX-512, INT8 on these, AVX-VNNI and AVX2; and for F32 on AVX2, where its compiler leaves sums in memory.
 *
 * <p>In the order in which they come to work: {@link io.coda4j.tensor.cpu.x86.CpuFeatures} says what the processor and the
 * operating system allow; each {@link io.coda4j.tensor.cpu.x86.PanelKernel} and {@link io.coda4j.tensor.cpu.x86.TileKernel} is a program in Java that
 * {@link io.coda4j.tensor.cpu.x86.Assembler} turns into bytes; {@link io.coda4j.tensor.cpu.x86.ExecutableMemory} makes them
 * callable; {@link io.coda4j.tensor.cpu.x86.SelfCheck} and {@link io.coda4j.tensor.cpu.x86.TileSelfCheck} let them prove
 * themselves; and {@link io.coda4j.tensor.cpu.x86.PanelProduct} and {@link io.coda4j.tensor.cpu.x86.TileProduct}, which are
 * what others call, check the bounds of all memory before each call. {@link io.coda4j.tensor.cpu.x86.MachineKernels} does all this once and remembers why a kernel is not used.
 *
 * <p>Loops over vectors need no instruction that the Vector API lacks, but run at full speed from their first call and keep what is
 * between their memories in registers: {@link io.coda4j.tensor.cpu.x86.LoopProgram} is a straight line of steps that others write,
 * {@link io.coda4j.tensor.cpu.x86.LoopRoutine} gives its values registers, {@link io.coda4j.tensor.cpu.x86.LoopMeaning} says what it
 * computes, and {@link io.coda4j.tensor.cpu.x86.VectorLoop} is what others call. They are called with addresses, like the loops of the
 * Vector API that they stand in for: whoever calls has checked the sizes.
 *
 * <p>The package knows addresses and layouts, not tensors. References in it are to the Intel 64 and IA-32 Architectures
 * Software Developer's Manual (SDM).
 */
@NullMarked
package io.coda4j.tensor.cpu.x86;

import org.jspecify.annotations.NullMarked;
