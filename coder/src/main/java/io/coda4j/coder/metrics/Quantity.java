package io.coda4j.coder.metrics;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.time.Duration;
import java.util.Locale;

/** Numbers as people read them: about three digits, a unit, and the same text in every locale. */
public final class Quantity {
    private static final String[] SUFFIXES = {"", "k", "M", "G", "T"};
    private static final String[] BYTE_UNITS = {"B", "KiB", "MiB", "GiB", "TiB"};

    private Quantity() {}

    /** Three significant digits with a decimal suffix: {@code 532}, {@code 18.3k}, {@code 1.38M}; else two: {@code 3.1e-4}. */
    public static String compact(double value) {
        double magnitude = Math.abs(value);
        if (!Double.isFinite(value)) {
            return Double.toString(value);
        }
        if (magnitude == 0) {
            return "0";
        }
        // The first number above that would be rounded to 1000T.
        if (magnitude < 1e-3 || magnitude >= 999.5e12) {
            return scientific(value);
        }
        var rounded = new BigDecimal(value).round(new MathContext(3, RoundingMode.HALF_EVEN));
        int group = 0;
        while (rounded.abs().compareTo(BigDecimal.valueOf(1000)) >= 0) {
            rounded = rounded.movePointLeft(3);
            group++;
        }
        return plain(rounded) + SUFFIXES[group];
    }

    /** Two units at most: {@code 0.4 s}, {@code 45 s}, {@code 2 min 10 s}, {@code 1 h 5 min}, {@code 3 d 4 h}. */
    public static String duration(Duration duration) {
        long seconds = duration.toSeconds();
        if (seconds < 10) {
            return String.format(Locale.ROOT, "%.1f s", duration.toMillis() / 1e3);
        }
        if (seconds < 60) {
            return seconds + " s";
        }
        if (seconds < 3600) {
            return seconds / 60 + " min " + seconds % 60 + " s";
        }
        if (seconds < 86400) {
            return seconds / 3600 + " h " + seconds / 60 % 60 + " min";
        }
        return seconds / 86400 + " d " + seconds / 3600 % 24 + " h";
    }

    /** Bytes in binary units: {@code 512 B}, {@code 1.5 GiB}. */
    public static String bytes(long bytes) {
        double value = bytes;
        int unit = 0;
        while (Math.abs(value) >= 1024 && unit < BYTE_UNITS.length - 1) {
            value /= 1024;
            unit++;
        }
        return (unit == 0 ? Long.toString(bytes) : String.format(Locale.ROOT, "%.1f", value)) + " " + BYTE_UNITS[unit];
    }

    /** A share in [0, 1] as a percentage with one decimal: {@code 38.6 %}. */
    public static String percent(double share) {
        return Double.isFinite(share) ? String.format(Locale.ROOT, "%.1f %%", 100 * share) : Double.toString(share);
    }

    private static String scientific(double value) {
        var text = String.format(Locale.ROOT, "%.1e", value);
        int e = text.indexOf('e');
        var mantissa = text.substring(0, e).replaceFirst("\\.0$", "");
        return mantissa + "e" + Integer.parseInt(text.substring(e + 1));
    }

    private static String plain(BigDecimal value) {
        return value.signum() == 0 ? "0" : value.stripTrailingZeros().toPlainString();
    }
}
