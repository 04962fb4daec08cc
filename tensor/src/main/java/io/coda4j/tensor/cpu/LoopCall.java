package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.coda4j.tensor.cpu.x86.VectorLoop;
import java.lang.foreign.MemorySegment;

/** The memories that a {@link VectorLoop} is to work on, by their numbers in its program, with room for single floats. */
final class LoopCall {
    /** Memories of a program at most. */
    static final int MEMORIES = 16;

    /** Elements of the rows of one call at most: no thread reaches a safepoint while it runs. */
    static final int MAX_ELEMENTS = 1 << 16;

    /** Native memory that a call takes. */
    static final long BYTES = MEMORIES * (Long.BYTES + (long) Float.BYTES);

    private final long at;

    /** A call whose arguments lie at address {@code at}. */
    LoopCall(long at) {
        this.at = at;
    }

    /** Memory {@code number} lies at {@code address}, or at this offset in an array. */
    LoopCall memory(int number, long address) {
        Lanes.ALL.set(JAVA_LONG, at + number * 8L, address);
        return this;
    }

    /** The {@code count} memories from {@code first} on lie at {@code addresses}. */
    LoopCall memories(int first, long[] addresses, int count) {
        for (int i = 0; i < count; i++) {
            memory(first + i, addresses[i]);
        }
        return this;
    }

    /** Memory {@code number} is {@code value}. */
    LoopCall single(int number, float value) {
        Lanes.ALL.set(JAVA_FLOAT, single(number), value);
        return memory(number, single(number));
    }

    /** Memory {@code number} is one float, which {@link #result} reads after the run. */
    LoopCall result(int number) {
        return memory(number, single(number));
    }

    private long single(int number) {
        return at + MEMORIES * 8L + number * 4L;
    }

    /** Computes one row of {@code n} elements, a multiple of {@link Lanes#COUNT}. */
    LoopCall run(VectorLoop loop, int n) {
        return run(loop, 1, n);
    }

    /** Computes {@code rows} such rows. */
    LoopCall run(VectorLoop loop, int rows, int n) {
        return run(loop, rows, n, n);
    }

    /** Computes {@code rows} such rows, which begin {@code stride} elements apart. */
    LoopCall run(VectorLoop loop, int rows, int n, long stride) {
        loop.run(at, rows, n / Lanes.COUNT, stride - n);
        return this;
    }

    /** Likewise, where the first or the first two memories, whose offsets in bytes were given, are in arrays. */
    LoopCall run(VectorLoop loop, MemorySegment first, MemorySegment second, int rows, int n, long stride) {
        loop.run(first, second, at, rows, n / Lanes.COUNT, stride - n);
        return this;
    }

    /** The single float of memory {@code number}. */
    float value(int number) {
        return Lanes.ALL.get(JAVA_FLOAT, single(number));
    }
}
