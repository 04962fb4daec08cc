package io.coda4j.coder.chat;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One message of a conversation.
 *
 * @param reasoning what the assistant thought before it answered, where that is not part of {@code content}, or null
 * @param toolCalls functions that the assistant asks for
 */
public record Message(Role role, String content, @Nullable String reasoning, List<ToolCall> toolCalls) {
    public Message {
        toolCalls = List.copyOf(toolCalls);
    }

    /** A message of text alone. */
    public static Message of(Role role, String content) {
        return new Message(role, content, null, List.of());
    }
}
