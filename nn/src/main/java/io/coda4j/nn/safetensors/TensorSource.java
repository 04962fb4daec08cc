package io.coda4j.nn.safetensors;

import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;

/** A tensor to be written: its header fields and where its bytes come from when its turn comes. */
record TensorSource(String name, StoredType type, long[] shape, long byteSize, Supplier<MemorySegment> bytes) {}
