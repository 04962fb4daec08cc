package io.coda4j.coder.report;

import org.jspecify.annotations.Nullable;

/**
 * Code with a hole that the model filled.
 *
 * @param title where the code is from
 * @param prefix the code before the hole
 * @param generated what the model put into the hole
 * @param suffix the code after the hole
 * @param reference what stood there, or null if nobody knows
 */
public record Infilling(
        String title,
        String prefix,
        String generated,
        String suffix,
        @Nullable String reference) {}
