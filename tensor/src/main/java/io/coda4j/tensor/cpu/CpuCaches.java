package io.coda4j.tensor.cpu;

import io.coda4j.tensor.DeviceException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.regex.Pattern;

/**
 * Sizes of the caches that blocks are made to fit into, in bytes: the first level for data and the second, of one core, and
 * the third.
 *
 * <p>Linux tells them in {@code /sys/devices/system/cpu/cpu0/cache}; elsewhere, and for a level that is not there, common
 * sizes are assumed. The properties {@code coda.cache.l1}, {@code coda.cache.l2} and {@code coda.cache.l3} replace what was
 * found: bytes, or with a unit such as {@code 512K} or {@code 2M}.
 *
 * @param isAssumed whether one of the sizes is neither found nor given
 */
record CpuCaches(long l1, long l2, long l3, boolean isAssumed) {
    private static final Path LINUX = Path.of("/sys/devices/system/cpu/cpu0/cache");

    private static final Pattern SIZE = Pattern.compile("([1-9][0-9]{0,11})([KM]?)");

    private static final long[] COMMON = {32 << 10, 1 << 20, 16 << 20};

    /**
     * The caches of this machine.
     *
     * @throws DeviceException if a property is no size
     */
    static CpuCaches ofMachine() {
        return in(LINUX);
    }

    /** As {@link #ofMachine}, told by files like those of Linux in {@code folder}. */
    static CpuCaches in(Path folder) {
        var sizes = new long[COMMON.length];
        boolean isAssumed = false;
        var files = files(folder);
        for (int level = 1; level <= sizes.length; level++) {
            var size = given(level);
            for (int i = 0; i < files.size() && size.isEmpty(); i++) {
                size = found(files.get(i), level);
            }
            isAssumed |= size.isEmpty();
            sizes[level - 1] = size.orElse(COMMON[level - 1]);
        }
        return new CpuCaches(sizes[0], sizes[1], sizes[2], isAssumed);
    }

    private static List<Path> files(Path folder) {
        var files = new ArrayList<Path>();
        for (int i = 0; Files.isDirectory(folder.resolve("index" + i)); i++) {
            files.add(folder.resolve("index" + i));
        }
        return files;
    }

    private static OptionalLong given(int level) {
        var name = "coda.cache.l" + level;
        var text = System.getProperty(name);
        if (text == null) {
            return OptionalLong.empty();
        }
        var size = bytes(text);
        if (size.isEmpty()) {
            throw new DeviceException(
                    "property " + name + ": expected a size such as 32K, 2M or 524288, got '" + text + "'");
        }
        return size;
    }

    /** The size of the cache in {@code folder}, if it holds data and is of that level. */
    private static OptionalLong found(Path folder, int level) {
        try {
            boolean isLevel = text(folder, "level").equals(Integer.toString(level));
            return isLevel && !text(folder, "type").equals("Instruction")
                    ? bytes(text(folder, "size"))
                    : OptionalLong.empty();
        } catch (IOException _) {
            // Some virtual machines show the folders and not all of their files: the size is assumed, and said to be.
            return OptionalLong.empty();
        }
    }

    private static String text(Path folder, String file) throws IOException {
        return Files.readString(folder.resolve(file)).strip();
    }

    /** A positive number of bytes, kilobytes (K) or megabytes (M). */
    private static OptionalLong bytes(String text) {
        var matcher = SIZE.matcher(text.toUpperCase(Locale.ROOT));
        if (!matcher.matches()) {
            return OptionalLong.empty();
        }
        long unit = switch (matcher.group(2)) {
            case "K" -> 1L << 10;
            case "M" -> 1L << 20;
            default -> 1;
        };
        return OptionalLong.of(Long.parseLong(matcher.group(1)) * unit);
    }

    /** For people, such as {@code caches 32 KB, 512 KB, 32 MB}. */
    String description() {
        return "caches " + size(l1) + ", " + size(l2) + ", " + size(l3) + (isAssumed ? " (assumed)" : "");
    }

    private static String size(long bytes) {
        return bytes >= 1 << 20 && bytes % (1 << 20) == 0 ? (bytes >> 20) + " MB" : (bytes >> 10) + " KB";
    }
}
