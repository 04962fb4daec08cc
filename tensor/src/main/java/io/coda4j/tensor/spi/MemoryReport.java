package io.coda4j.tensor.spi;

/**
 * Bytes a compiled program needs on its device.
 *
 * @param arguments all arguments
 * @param results all results, those in donated storage included
 * @param temporaries peak of everything in between
 * @param donated the part of the results that lives in donated argument storage
 */
public record MemoryReport(long arguments, long results, long temporaries, long donated) {}
