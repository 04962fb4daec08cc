package io.coda4j.coder.chat;

/**
 * A function that the assistant asks to have called.
 *
 * @param arguments JSON text, rendered as it is
 */
public record ToolCall(String name, String arguments) {}
