package io.coda4j.bench.decode;

import io.coda4j.coder.files.FileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * The memory that a process holds, as Linux counts it (proc(5), {@code /proc/pid/status}).
 *
 * @param residentBytes all of it (VmRSS)
 * @param peakResidentBytes the most it was so far (VmHWM)
 * @param mappedFileBytes of it pages of mapped files, such as a checkpoint's (RssFile)
 * @param anonymousBytes of it heap, caches and copies of weights (RssAnon)
 */
record ResidentMemory(long residentBytes, long peakResidentBytes, long mappedFileBytes, long anonymousBytes) {
    private static final Path STATUS = Path.of("/proc/self/status");

    /** That of this process now; empty where the system does not tell. */
    static Optional<ResidentMemory> now() {
        if (!Files.isReadable(STATUS)) {
            return Optional.empty();
        }
        try {
            return of(Files.readAllLines(STATUS));
        } catch (IOException e) {
            throw new FileException(STATUS, "cannot be read", e);
        }
    }

    /** What the lines of a status file say; empty if one of the four numbers is not there. */
    static Optional<ResidentMemory> of(List<String> lines) {
        long[] bytes = List.of("VmRSS:", "VmHWM:", "RssFile:", "RssAnon:").stream()
                .mapToLong(key -> bytes(lines, key))
                .filter(number -> number >= 0)
                .toArray();
        return bytes.length < 4
                ? Optional.empty()
                : Optional.of(new ResidentMemory(bytes[0], bytes[1], bytes[2], bytes[3]));
    }

    private static long bytes(List<String> lines, String key) {
        return lines.stream()
                .filter(line -> line.startsWith(key))
                .map(line -> line.substring(key.length()).strip().split(" "))
                .mapToLong(words -> Long.parseLong(words[0]) << 10)
                .findFirst()
                .orElse(-1);
    }

    /** What is resident and no page of a mapped file. */
    long beyondMappedBytes() {
        return residentBytes - mappedFileBytes;
    }
}
