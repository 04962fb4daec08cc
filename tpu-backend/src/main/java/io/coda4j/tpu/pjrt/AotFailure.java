package io.coda4j.tpu.pjrt;

import java.io.Serializable;

/** Why {@link AotWorker} could not ask the plugin at all, in words for people. */
record AotFailure(String message) implements Serializable {}
