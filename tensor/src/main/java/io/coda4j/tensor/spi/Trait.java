package io.coda4j.tensor.spi;

import java.util.Optional;

/**
 * Something that a device could use, for people who wonder how it computes.
 *
 * @param group what it is for, such as {@code bf16 products}
 * @param name what it is called
 * @param unusedBecause why it is not used, or empty if it is
 */
public record Trait(String group, String name, Optional<String> unusedBecause) {}
