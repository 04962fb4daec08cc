package io.coda4j.tensor.testing;

import java.io.IOException;
import java.io.OutputStream;

/** A stream that takes nothing, as on a disk without room. */
public final class FullDisk extends OutputStream {
    @Override
    public void write(int b) throws IOException {
        throw new IOException("No space left on device");
    }
}
