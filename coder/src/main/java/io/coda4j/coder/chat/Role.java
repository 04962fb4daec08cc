package io.coda4j.coder.chat;

import java.util.Locale;

/** Who says a message. */
public enum Role {
    SYSTEM,
    USER,
    ASSISTANT,
    TOOL;

    /** The name in the text of a conversation. */
    String label() {
        return name().toLowerCase(Locale.ROOT);
    }
}
