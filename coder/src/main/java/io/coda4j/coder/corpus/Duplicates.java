package io.coda4j.coder.corpus;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Finds what held-out texts share with training texts.
 *
 * <p>In Java texts the unit is the body of a method or constructor; elsewhere, and where either side is Java that does not
 * parse, it is any three lines in a row that are not blank and have 40 characters together. Texts are compared with every run
 * of white space taken as one space.
 */
final class Duplicates {
    private static final int WINDOW = 3;
    /** Shorter windows are closing braces and the like, which say nothing. */
    private static final int SHORTEST = 40;

    private static final Pattern SPACE = Pattern.compile("\\s+");

    /** The duplicated ranges of one text, with the number of its bodies and of those that are duplicated. */
    record Found(List<CharRange> ranges, int bodies, int duplicatedBodies) {}

    private final Set<String> bodies = new HashSet<>();
    private final Set<String> windows = new HashSet<>();

    /** Those of training files whose bodies are not known. */
    private final Set<String> windowsWithoutBodies = new HashSet<>();

    static boolean isJava(String name) {
        return name.endsWith(".java");
    }

    /** Learns the bodies of a training file, as {@link MethodBodies} found them. */
    void addBodies(String text, List<CharRange> ranges) {
        ranges.forEach(range -> bodies.add(key(text, range)));
    }

    /**
     * Learns the lines of a training file, for texts that are compared by lines; and if its bodies are not known, for those
     * that are compared by bodies.
     */
    void addLines(String text, boolean hasBodies) {
        var keys = windowsOf(text).stream().map(Window::key).toList();
        windows.addAll(keys);
        if (!hasBodies) {
            windowsWithoutBodies.addAll(keys);
        }
    }

    /** Finds what is known of a held-out file: by its bodies, or by lines where {@code units} is empty. */
    Found find(String text, Optional<List<CharRange>> units) {
        if (units.isEmpty()) {
            return new Found(union(shared(text, windows)), 0, 0);
        }
        var ranges = new ArrayList<CharRange>();
        units.get().stream().filter(r -> bodies.contains(key(text, r))).forEach(ranges::add);
        int duplicatedBodies = ranges.size();
        if (!windowsWithoutBodies.isEmpty()) {
            ranges.addAll(shared(text, windowsWithoutBodies));
            ranges.sort(Comparator.comparingInt(CharRange::start));
        }
        return new Found(union(ranges), units.get().size(), duplicatedBodies);
    }

    /** The windows of {@code text} that are among {@code known}, ascending. */
    private static List<CharRange> shared(String text, Set<String> known) {
        return windowsOf(text).stream()
                .filter(w -> known.contains(w.key))
                .map(Window::range)
                .toList();
    }

    /** {@code text} with every run of white space as one space and none at its ends: equal texts differ in layout at most. */
    static String withoutLayout(String text) {
        return SPACE.matcher(text.strip()).replaceAll(" ");
    }

    private static String key(String text, CharRange range) {
        return withoutLayout(text.substring(range.start(), range.end()));
    }

    private record Window(String key, CharRange range) {}

    private record Line(String key, int start, int end) {}

    private static List<Window> windowsOf(String text) {
        var lines = new ArrayList<Line>();
        for (int start = 0; start < text.length(); ) {
            int newline = text.indexOf('\n', start);
            int end = newline < 0 ? text.length() : newline;
            String line = withoutLayout(text.substring(start, end));
            if (!line.isEmpty()) {
                lines.add(new Line(line, start, end));
            }
            start = end + 1;
        }
        var found = new ArrayList<Window>();
        for (int i = 0; i + WINDOW <= lines.size(); i++) {
            var key = new StringBuilder();
            lines.subList(i, i + WINDOW).forEach(line -> key.append(line.key).append('\n'));
            if (key.length() >= SHORTEST) {
                var range = new CharRange(lines.get(i).start, lines.get(i + WINDOW - 1).end);
                found.add(new Window(key.toString(), range));
            }
        }
        return found;
    }

    /** Joins overlapping and touching ranges; {@code ranges} is ascending by start. */
    static List<CharRange> union(List<CharRange> ranges) {
        var joined = new ArrayList<CharRange>();
        for (CharRange range : ranges) {
            if (!joined.isEmpty() && range.start() <= joined.getLast().end()) {
                var last = joined.removeLast();
                joined.add(new CharRange(last.start(), Math.max(last.end(), range.end())));
            } else {
                joined.add(range);
            }
        }
        return joined;
    }
}
