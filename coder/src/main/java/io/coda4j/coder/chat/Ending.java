package io.coda4j.coder.chat;

/** What follows the last message of a conversation. */
public enum Ending {
    /** Nothing: the conversation is a text for training. */
    NONE,

    /** The header of the answer that the model is to write; it decides by itself whether to think first. */
    ANSWER,

    /** The header of an answer with its thoughts left empty, so that the model answers at once. */
    ANSWER_WITHOUT_THINKING,

    /** The last message itself goes on: its end is left away, line breaks included as they are. */
    CONTINUATION
}
