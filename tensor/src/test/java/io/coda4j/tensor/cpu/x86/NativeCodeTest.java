package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.rax;
import static io.coda4j.tensor.cpu.x86.Registers.rcx;
import static io.coda4j.tensor.cpu.x86.Registers.rdx;
import static io.coda4j.tensor.cpu.x86.Registers.rsp;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Calls of machine code that every x86-64 processor can run, with the arguments of the kernels. */
class NativeCodeTest {
    @BeforeEach
    void machineCodeMustBePossible() {
        Requirement.require("machine-code", LinuxCalls.unusableBecause());
    }

    /** Stores the sum of the three arguments on the stack where {@code c} points. */
    private static byte[] stackArguments() {
        var a = new Assembler();
        a.mov(rax, at(rsp, 8));
        a.mov(rdx, at(rsp, 16));
        a.add(rax, rdx);
        a.mov(rdx, at(rsp, 24));
        a.add(rax, rdx);
        a.mov32(at(rcx), rax);
        a.ret();
        return a.bytes();
    }

    @Test
    void argumentsArriveWhereTheKernelsExpectThem() {
        var code = new NativeCode(ExecutableMemory.of(List.of(stackArguments())));
        try (var arena = Arena.ofConfined()) {
            var c = arena.allocate(4);
            code.run(1, 0, 0, 0, c.address(), 0, 0, 1, 20, 300);
            assertEquals(321, c.get(ValueLayout.JAVA_INT, 0));
        }
    }

    @Test
    void aMillionCallsLeaveTheMemoryAsItIs() throws IOException {
        var a = new Assembler();
        a.ret();
        var code = new NativeCode(ExecutableMemory.of(List.of(a.bytes())));
        call(code, 200_000);
        long before = residentKilobytes();
        long start = System.nanoTime();
        call(code, 1_000_000);
        long nanos = (System.nanoTime() - start) / 1_000_000;
        long grown = residentKilobytes() - before;
        System.out.println("a call of machine code takes " + nanos + " ns; memory grew by " + grown + " KB");
        assertTrue(grown < 64 << 10, () -> "a million calls took " + grown + " KB");
    }

    private static void call(NativeCode code, int times) {
        for (int i = 0; i < times; i++) {
            code.run(1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
        }
    }

    private static long residentKilobytes() throws IOException {
        return Files.readAllLines(Path.of("/proc/self/status")).stream()
                .filter(line -> line.startsWith("VmRSS:"))
                .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
                .findFirst()
                .orElseThrow();
    }
}
