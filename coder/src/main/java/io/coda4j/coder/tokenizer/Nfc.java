package io.coda4j.coder.tokenizer;

import java.text.Normalizer;
import java.text.Normalizer.Form;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Brings text to Unicode's form NFC, in time that grows with its length whatever it holds.
 *
 * <p>The JDK's normaliser walks back over the marks before each combining mark to find its place, so that 300,000 mixed
 * marks in a row take it minutes. Marks in order stay where they are: long runs of them are put in canonical order first,
 * which is stably by their combining class, between the characters of class 0. The JDK does not tell the class of a mark,
 * but whether two of them change places, which is all that sorting needs.
 */
public final class Nfc {
    /** Every code point below this one is NFC by itself and with any neighbour below it. */
    private static final char FIRST_COMBINING = 0x300;

    /** Shorter runs cost the normaliser less than sorting them does. */
    private static final int LONG_RUN = 64;

    /** A mark of the lowest class above 0 and one of the highest: each mark changes places with one of them. */
    private static final int LOWEST_CLASS = 0x334;

    private static final int HIGHEST_CLASS = 0x345;

    private final StringBuilder out;
    private final Map<Integer, int[]> parts = new HashMap<>();
    private final TreeMap<Integer, StringBuilder> marksByClass = new TreeMap<>(Nfc::compareClasses);
    private final Map<Integer, StringBuilder> marksOfSameClass = new HashMap<>();

    private Nfc(int length) {
        out = new StringBuilder(length);
    }

    /** Returns {@code text} in NFC; lone surrogates stay as they are. */
    public static String normalize(String text) {
        return text.chars().allMatch(c -> c < FIRST_COMBINING)
                ? text
                : Normalizer.normalize(withLongRunsInOrder(text), Form.NFC);
    }

    private static String withLongRunsInOrder(String text) {
        int start = longRun(text, 0);
        if (start == text.length()) {
            return text;
        }
        var ordered = new Nfc(text.length());
        int done = 0;
        while (start < text.length()) {
            ordered.out.append(text, done, start);
            done = endOfMarks(text, start);
            ordered.addInOrder(text.substring(start, done));
            start = longRun(text, done);
        }
        return ordered.out.append(text, done, text.length()).toString();
    }

    /** Where the first long run of marks at or behind {@code from} starts; the end of the text where there is none. */
    private static int longRun(String text, int from) {
        int start = from;
        while (start < text.length()) {
            int end = endOfMarks(text, start);
            if (end - start > LONG_RUN) {
                return start;
            }
            start = end == start ? end + Character.charCount(text.codePointAt(end)) : end;
        }
        return start;
    }

    private static int endOfMarks(String text, int from) {
        int end = from;
        while (end < text.length() && isMark(text.codePointAt(end))) {
            end += Character.charCount(text.codePointAt(end));
        }
        return end;
    }

    /** Every character of a class above 0 is one of these; some of these are of class 0. */
    private static boolean isMark(int codePoint) {
        int type = Character.getType(codePoint);
        return type == Character.NON_SPACING_MARK
                || type == Character.COMBINING_SPACING_MARK
                || type == Character.ENCLOSING_MARK;
    }

    private void addInOrder(String marks) {
        marks.codePoints().forEach(mark -> {
            for (int part : parts.computeIfAbsent(mark, Nfc::decomposed)) {
                add(part);
            }
        });
        addWaiting();
    }

    /** A character may stand for several marks, and only those have classes. */
    private static int[] decomposed(int mark) {
        return Normalizer.normalize(Character.toString(mark), Form.NFD)
                .codePoints()
                .toArray();
    }

    private void add(int mark) {
        var same = marksOfSameClass.computeIfAbsent(
                mark, m -> hasClass(m) ? marksByClass.computeIfAbsent(m, _ -> new StringBuilder()) : out);
        if (same == out) {
            addWaiting();
        }
        same.appendCodePoint(mark);
    }

    private void addWaiting() {
        for (var marks : marksByClass.values()) {
            out.append(marks);
            marks.setLength(0);
        }
    }

    private static boolean hasClass(int mark) {
        return changePlaces(mark, LOWEST_CLASS) || changePlaces(HIGHEST_CLASS, mark);
    }

    private static int compareClasses(int left, int right) {
        if (changePlaces(left, right)) {
            return 1;
        }
        return changePlaces(right, left) ? -1 : 0;
    }

    private static boolean changePlaces(int left, int right) {
        return !Normalizer.isNormalized(Character.toString(left) + Character.toString(right), Form.NFD);
    }
}
