package io.coda4j.tensor.spi;

import java.lang.foreign.MemorySegment;

/** Storage for one dense tensor on a device. */
public interface Buffer extends AutoCloseable {
    /** The device that owns the storage. */
    Device device();

    /** The bytes of the value. */
    long byteSize();

    /** Copies the value into host memory of at least {@link #byteSize()} bytes, native or of a Java array. */
    void download(MemorySegment host);

    /** Returns the storage to the device; harmless when repeated. */
    @Override
    void close();
}
