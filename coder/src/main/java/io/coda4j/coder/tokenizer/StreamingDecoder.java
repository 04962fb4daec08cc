package io.coda4j.coder.tokenizer;

/**
 * Turns ids into text one at a time, and never emits half a code point.
 *
 * <p>A character outside ASCII may be spread over several tokens; its bytes wait here until the last one arrives. The
 * texts returned by {@link #accept} and {@link #finish}, joined, equal {@link BpeTokenizer#decode(int[], boolean)} of
 * all the ids. Not safe for use by several threads.
 */
public final class StreamingDecoder {
    private final BpeTokenizer tokenizer;
    private final boolean skipSpecial;
    private final Utf8Assembler assembler = new Utf8Assembler();

    StreamingDecoder(BpeTokenizer tokenizer, boolean skipSpecial) {
        this.tokenizer = tokenizer;
        this.skipSpecial = skipSpecial;
    }

    /**
     * Takes the next id and returns the text that is complete now, possibly none.
     *
     * @throws TokenizerException if the id names no token
     */
    public String accept(int id) {
        var out = new StringBuilder();
        append(id, out);
        return out.toString();
    }

    /** Ends the text: returns U+FFFD where a character was left unfinished, else nothing. The decoder can start anew. */
    public String finish() {
        var out = new StringBuilder();
        assembler.finish(out);
        return out.toString();
    }

    void append(int id, StringBuilder out) {
        byte[] bytes = tokenizer.bytes(id);
        if (skipSpecial && tokenizer.isSpecial(id)) {
            return;
        }
        for (byte b : bytes) {
            assembler.accept(b, out);
        }
    }
}
