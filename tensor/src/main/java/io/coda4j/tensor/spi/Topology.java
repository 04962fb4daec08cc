package io.coda4j.tensor.spi;

/**
 * Devices that need not be here, all of one make.
 *
 * @param name such as {@code v5:4x4x4}
 * @param devices how many there are
 * @param flops products and sums of BF16 per second that one device can do at most
 * @param memoryBandwidth bytes per second between one device and its memory
 * @param linkBandwidth bytes per second that one device can send to others while it receives as many
 */
public record Topology(String name, int devices, double flops, double memoryBandwidth, double linkBandwidth) {}
