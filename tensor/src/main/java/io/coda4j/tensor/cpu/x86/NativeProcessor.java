package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.r8;
import static io.coda4j.tensor.cpu.x86.Registers.r9;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rbx;
import static io.coda4j.tensor.cpu.x86.Registers.rcx;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rdx;
import static io.coda4j.tensor.cpu.x86.Registers.rsi;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;

/** The processor that runs this process, asked by two small routines. */
final class NativeProcessor implements Processor {
    /** Routines (first, second, address of the answer). */
    private static final MethodHandle ROUTINE = NativeRoutines.call(0, 3);

    private final long cpuid;
    private final long xgetbv;

    /** @throws SystemRefusal if no machine code can run here */
    NativeProcessor() {
        long[] routines = ExecutableMemory.of(List.of(cpuidRoutine(), xgetbvRoutine()));
        cpuid = routines[0];
        xgetbv = routines[1];
    }

    /** (leaf, subleaf, int[4] for EAX, EBX, ECX, EDX). RBX belongs to the caller and is kept in r9. */
    static byte[] cpuidRoutine() {
        var a = new Assembler();
        a.mov(r8, rdx);
        a.mov(r9, rbx);
        a.mov(rax, rdi);
        a.mov(rcx, rsi);
        a.cpuid();
        a.mov32(at(r8), rax);
        a.mov32(at(r8, 4), rbx);
        a.mov32(at(r8, 8), rcx);
        a.mov32(at(r8, 12), rdx);
        a.mov(rbx, r9);
        a.ret();
        return a.bytes();
    }

    /** (number of the register, unused, int[2] for its lower and its upper half). */
    static byte[] xgetbvRoutine() {
        var a = new Assembler();
        a.mov(r8, rdx);
        a.mov(rcx, rdi);
        a.xgetbv();
        a.mov32(at(r8), rax);
        a.mov32(at(r8, 4), rdx);
        a.ret();
        return a.bytes();
    }

    @Override
    public int[] cpuid(int leaf, int subleaf) {
        return ask(cpuid, leaf, subleaf);
    }

    @Override
    public long enabledState() {
        int[] halves = ask(xgetbv, 0, 0);
        return halves[0] & 0xffff_ffffL | (long) halves[1] << 32;
    }

    @Override
    public Optional<String> requestTiles() {
        return LinuxCalls.requestTiles();
    }

    private static int[] ask(long routine, long first, long second) {
        try (var arena = Arena.ofConfined()) {
            var answer = arena.allocate(16, 16);
            ROUTINE.invokeExact(MemorySegment.ofAddress(routine), first, second, answer.address());
            return answer.toArray(ValueLayout.JAVA_INT);
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }
}
