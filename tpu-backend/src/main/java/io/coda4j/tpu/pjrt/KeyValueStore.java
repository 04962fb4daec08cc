package io.coda4j.tpu.pjrt;

import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.TimeoutException;

/**
 * What the processes of one program share while their clients are created, such as the addresses of a network. Plugins
 * call it from threads of their own, and wait for it.
 */
interface KeyValueStore {
    /** The value of a key, once some process has put it. */
    byte[] get(String key, Duration timeout) throws TimeoutException, InterruptedException;

    /** The value of a key, if some process has put it. */
    Optional<byte[]> tryGet(String key);

    void put(String key, byte[] value);
}
