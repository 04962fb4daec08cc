package io.coda4j.tensor;

import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A pattern over {@link Tree} paths: {@code *} stands for one name and {@code **} for any number of them, as in
 * {@code state.**} or {@code layers.*.selfAttn.qProj.weight}.
 */
public final class PathPattern {
    private final String text;
    private final Pattern pattern;

    private PathPattern(String text) {
        this.text = text;
        var regex = new StringBuilder();
        for (var part : text.split("\\.", -1)) {
            switch (part) {
                case "**" -> regex.append("(\\.[^.]+)*");
                case "*" -> regex.append("\\.[^.]+");
                default -> regex.append("\\.").append(Pattern.quote(part));
            }
        }
        this.pattern = Pattern.compile(regex.toString());
    }

    /** The pattern written as {@code text}. */
    public static PathPattern of(String text) {
        return new PathPattern(text);
    }

    /** The patterns written as {@code texts}, in order. */
    static List<PathPattern> all(String... texts) {
        return Stream.of(texts).map(PathPattern::of).toList();
    }

    /** Whether the whole of {@code path} matches. */
    public boolean matches(String path) {
        return pattern.matcher(path.isEmpty() ? "" : "." + path).matches();
    }

    @Override
    public String toString() {
        return text;
    }
}
