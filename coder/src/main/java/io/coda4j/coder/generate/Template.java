package io.coda4j.coder.generate;

import io.coda4j.coder.tokenizer.BpeTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A text with holes, as tokens of which those in the holes are masked.
 *
 * @param tokens the whole sequence
 * @param holes ranges of masked tokens, in order
 */
public record Template(int[] tokens, List<Hole> holes) {
    private static final String OPENING = "[[MASK:";
    private static final String CLOSING = "]]";
    private static final int LONGEST_HOLE = 100_000;

    /** Tokens {@code start <= index < end}. */
    public record Hole(int start, int end) {
        /** The number of tokens to fill. */
        public int length() {
            return end - start;
        }
    }

    /** The characters {@code start <= index < end} that stand for a hole, and what they say of its length. */
    private record Mark(int start, int end, String number) {}

    /**
     * The template written in {@code text} with holes {@code [[MASK:n]]} of n tokens.
     *
     * @throws GenerationException if there is no hole, or one does not state a positive number
     */
    public static Template parse(String text, BpeTokenizer tokenizer, int maskId) {
        var pieces = new ArrayList<int[]>();
        var holes = new ArrayList<Hole>();
        int at = 0;
        int length = 0;
        for (var mark = nextMark(text, 0); mark != null; mark = nextMark(text, at)) {
            var given = tokenizer.encode(text.substring(at, mark.start()), false);
            var masks = new int[holeLength(text, mark)];
            Arrays.fill(masks, maskId);
            holes.add(new Hole(length + given.length, length + given.length + masks.length));
            pieces.add(given);
            pieces.add(masks);
            length += given.length + masks.length;
            at = mark.end();
        }
        if (holes.isEmpty()) {
            throw new GenerationException("the text has no hole; write [[MASK:n]] where n tokens are to be filled in");
        }
        pieces.add(tokenizer.encode(text.substring(at), false));
        return new Template(join(pieces), holes);
    }

    /** A hole of {@code count} tokens between two given texts. */
    public static Template between(String prefix, int count, String suffix, BpeTokenizer tokenizer, int maskId) {
        var before = tokenizer.encode(prefix, false);
        var masks = new int[count];
        Arrays.fill(masks, maskId);
        var tokens = join(List.of(before, masks, tokenizer.encode(suffix, false)));
        return new Template(tokens, List.of(new Hole(before.length, before.length + count)));
    }

    /**
     * The first mark of a hole at or behind {@code from}, or null. The first bracket behind an opening decides about it and
     * about all openings before that bracket, so that each character is gone through once, whatever stays open.
     */
    private static @Nullable Mark nextMark(String text, int from) {
        int start = text.indexOf(OPENING, from);
        while (start >= 0) {
            int bracket = text.indexOf(']', start);
            if (bracket < 0) {
                return null;
            }
            if (text.startsWith(CLOSING, bracket)) {
                return new Mark(start, bracket + CLOSING.length(), text.substring(start + OPENING.length(), bracket));
            }
            start = text.indexOf(OPENING, bracket);
        }
        return null;
    }

    private static int holeLength(String text, Mark mark) {
        String number = mark.number();
        try {
            int length = Integer.parseInt(number.strip());
            if (length >= 1 && length <= LONGEST_HOLE) {
                return length;
            }
        } catch (NumberFormatException _) {
            // The message below covers both cases.
        }
        // With the first character of the hole, because lines() leaves out an empty last line.
        long line = text.substring(0, mark.start() + 1).lines().count();
        throw new GenerationException("line " + line + ": [[MASK:" + number
                + "]]: expected a number of tokens from 1 to " + LONGEST_HOLE + ", such as [[MASK:16]]");
    }

    private static int[] join(List<int[]> pieces) {
        return pieces.stream().flatMapToInt(Arrays::stream).toArray();
    }

    /**
     * The part of the sequence around the holes that a model for {@code limit} tokens can see, as a range like a hole.
     *
     * @throws GenerationException if the holes alone do not fit
     */
    public Hole window(int limit) {
        int first = holes.getFirst().start();
        int last = holes.getLast().end();
        if (last - first > limit) {
            throw new GenerationException("the holes reach over " + (last - first) + " tokens, the model sees " + limit
                    + "; fill them one at a time or make them shorter");
        }
        int spare = limit - (last - first);
        int before = Math.min(first, Math.max(spare / 2, spare - (tokens.length - last)));
        int after = Math.min(tokens.length - last, spare - before);
        return new Hole(first - before, last + after);
    }
}
