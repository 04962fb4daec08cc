package io.coda4j.coder.chat;

import java.util.BitSet;

/** A text of which some characters are the template's and some are given by people or models. */
final class MarkedText {
    private final StringBuilder text = new StringBuilder();
    private final BitSet given = new BitSet();

    /** Adds characters of the template. */
    MarkedText markup(String characters) {
        text.append(characters);
        return this;
    }

    /** Adds characters of a message. */
    MarkedText given(String characters) {
        given.set(text.length(), text.length() + characters.length());
        text.append(characters);
        return this;
    }

    /** Takes the template's {@code end} away where the text ends with it. */
    void removeEnd(String end) {
        int length = text.length() - end.length();
        if (length >= 0 && text.substring(length).equals(end)) {
            text.setLength(length);
        }
    }

    /** The indices of the characters that come from messages. */
    BitSet givenCharacters() {
        return given;
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
