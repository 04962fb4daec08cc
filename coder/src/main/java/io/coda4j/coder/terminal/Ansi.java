package io.coda4j.coder.terminal;

/**
 * Text styles as ANSI escape sequences. With {@link ColorDepth#NONE} every method returns its text unchanged.
 *
 * @param depth the colours to use; a colour that the terminal lacks becomes its nearest
 */
public record Ansi(ColorDepth depth) {
    private static final String ESCAPE = "\u001b[";
    private static final String RESET = ESCAPE + "0m";
    private static final int[] SIXTEEN = {
        0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
        0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff
    };

    /** Bold text. */
    public String bold(String text) {
        return styled("1", text);
    }

    /** Faint text. */
    public String dim(String text) {
        return styled("2", text);
    }

    /** Text in a colour given as {@code 0xRRGGBB}. */
    public String color(int rgb, String text) {
        return styled(code(rgb, false), text);
    }

    /** Bold text in one colour on another, both {@code 0xRRGGBB}. */
    public String highlight(int rgb, int backgroundRgb, String text) {
        return styled("1;" + code(rgb, false) + ";" + code(backgroundRgb, true), text);
    }

    /** The sequence that moves the cursor up by {@code rows} and to the first column. */
    static String cursorUp(int rows) {
        return rows > 0 ? ESCAPE + rows + "A\r" : "\r";
    }

    /** The sequence that clears from the cursor to the end of the line. */
    static String clearLine() {
        return ESCAPE + "K";
    }

    /** The sequence that clears from the cursor to the end of the screen. */
    static String clearBelow() {
        return ESCAPE + "J";
    }

    private String styled(String code, String text) {
        return depth == ColorDepth.NONE || text.isEmpty() ? text : ESCAPE + code + "m" + text + RESET;
    }

    private String code(int rgb, boolean background) {
        int red = rgb >> 16 & 0xff;
        int green = rgb >> 8 & 0xff;
        int blue = rgb & 0xff;
        int base = background ? 48 : 38;
        return switch (depth) {
            case NONE -> "";
            case ANSI16 -> {
                int index = nearestOfSixteen(red, green, blue);
                yield Integer.toString((index < 8 ? 30 + index : 82 + index) + (background ? 10 : 0));
            }
            case ANSI256 -> base + ";5;" + indexOf256(red, green, blue);
            case TRUECOLOR -> base + ";2;" + red + ";" + green + ";" + blue;
        };
    }

    private static int indexOf256(int red, int green, int blue) {
        if (Math.max(red, Math.max(green, blue)) - Math.min(red, Math.min(green, blue)) < 12) {
            int grey = Math.round((red - 8) / 10f);
            return grey < 0 ? 16 : grey > 23 ? 231 : 232 + grey;
        }
        return 16 + 36 * cubeStep(red) + 6 * cubeStep(green) + cubeStep(blue);
    }

    /** The cube's levels are 0, 95, 135, 175, 215, 255. */
    private static int cubeStep(int level) {
        return level < 48 ? 0 : level < 115 ? 1 : Math.min(5, (level - 35) / 40);
    }

    private static int nearestOfSixteen(int red, int green, int blue) {
        int best = 0;
        int bestDistance = Integer.MAX_VALUE;
        for (int i = 0; i < SIXTEEN.length; i++) {
            int dr = (SIXTEEN[i] >> 16 & 0xff) - red;
            int dg = (SIXTEEN[i] >> 8 & 0xff) - green;
            int db = (SIXTEEN[i] & 0xff) - blue;
            int distance = dr * dr + dg * dg + db * db;
            if (distance < bestDistance) {
                best = i;
                bestDistance = distance;
            }
        }
        return best;
    }
}
