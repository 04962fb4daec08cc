package io.coda4j.nn.safetensors;

import java.util.Arrays;
import java.util.Optional;

/** Element types of the format; the constant's name is the label in the header. */
public enum StoredType {
    BOOL(1),
    U8(1),
    I8(1),
    I16(2),
    U16(2),
    F16(2),
    BF16(2),
    I32(4),
    U32(4),
    F32(4),
    I64(8),
    U64(8),
    F64(8);

    private final int byteSize;

    StoredType(int byteSize) {
        this.byteSize = byteSize;
    }

    /** Bytes of one element. */
    public int byteSize() {
        return byteSize;
    }

    static Optional<StoredType> of(String label) {
        return Arrays.stream(values()).filter(type -> type.name().equals(label)).findFirst();
    }
}
