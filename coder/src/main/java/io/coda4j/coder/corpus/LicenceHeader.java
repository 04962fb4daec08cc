package io.coda4j.coder.corpus;

import java.util.regex.Pattern;

/**
 * Cuts the licence comment off the top of a file: hundreds of equal headers teach a model nothing but themselves.
 *
 * <p>A header is a comment at the very start, a block or a run of lines beginning with {@code //} or {@code #}, that
 * mentions a licence or copyright. Several in a row are all cut.
 */
final class LicenceHeader {
    private static final Pattern LEGAL = Pattern.compile(
            "\\blicen[cs]e|copyright|spdx-|all rights reserved|public domain", Pattern.CASE_INSENSITIVE);

    private LicenceHeader() {}

    /** Returns {@code text} without its licence header and without blank lines at the top. */
    static String strip(String text) {
        int start = firstVisibleLine(text, 0);
        for (int end = commentEnd(text, start); end > start; end = commentEnd(text, start)) {
            if (!LEGAL.matcher(text).region(start, end).find()) {
                break;
            }
            start = firstVisibleLine(text, end);
        }
        return text.substring(start);
    }

    /** Skips blank lines, but not the indentation of the first line that is not blank. */
    private static int firstVisibleLine(String text, int from) {
        int start = from;
        for (int i = from; i < text.length() && Character.isWhitespace(text.charAt(i)); i++) {
            if (text.charAt(i) == '\n') {
                start = i + 1;
            }
        }
        return start;
    }

    /** Returns the index behind the comment that begins the line at {@code start}, or {@code start} if none does. */
    private static int commentEnd(String text, int start) {
        int first = start;
        while (first < text.length() && " \t".indexOf(text.charAt(first)) >= 0) {
            first++;
        }
        if (text.startsWith("/*", first)) {
            int close = text.indexOf("*/", first + 2);
            return close < 0 ? start : close + 2;
        }
        int end = start;
        for (int line = start; line < text.length() && isLineComment(text, line); line = end) {
            int newline = text.indexOf('\n', line);
            end = newline < 0 ? text.length() : newline + 1;
        }
        return end;
    }

    /** Tells a comment from a C directive such as {@code #include}, which has a letter behind its sign. */
    private static boolean isLineComment(String text, int line) {
        int at = line;
        while (at < text.length() && " \t".indexOf(text.charAt(at)) >= 0) {
            at++;
        }
        boolean hash =
                text.startsWith("#", at) && (at + 1 == text.length() || !Character.isLetter(text.charAt(at + 1)));
        return hash || text.startsWith("//", at);
    }
}
