package io.coda4j.coder.terminal;

/** How many colours a terminal shows. */
public enum ColorDepth {
    /** No styling at all, not even bold. */
    NONE,
    /** The sixteen named colours. */
    ANSI16,
    /** The 6x6x6 cube and 24 greys of xterm. */
    ANSI256,
    /** Eight bits each of red, green and blue. */
    TRUECOLOR
}
