package io.coda4j.tensor.cpu;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A float for each row, in native memory. */
final class Column {
    /** Keeps the memory alive as long as the column. */
    private final MemorySegment owner;

    /** With as many rows. */
    Column(int rows) {
        owner = Arena.ofAuto().allocate(rows * 4L, CpuMemory.ALIGNMENT);
    }

    /** Where the float of a row lies. */
    long address(int row) {
        return owner.address() + row * 4L;
    }

    float get(int row) {
        return Lanes.ALL.get(JAVA_FLOAT, address(row));
    }

    void set(int row, float value) {
        Lanes.ALL.set(JAVA_FLOAT, address(row), value);
    }

    /** Sets the first {@code rows} rows to the floats of {@code from} from byte {@code at} on. */
    void copy(MemorySegment from, long at, int rows) {
        MemorySegment.copy(from, at, owner, 0, rows * 4L);
    }

    /** Sets the first {@code rows} rows. */
    void fill(int rows, float value) {
        for (int r = 0; r < rows; r++) {
            set(r, value);
        }
    }
}
