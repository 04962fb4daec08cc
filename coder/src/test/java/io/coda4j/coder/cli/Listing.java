package io.coda4j.coder.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.SortedMap;
import java.util.TreeMap;

/** What lies in a folder. */
final class Listing {
    private Listing() {}

    /** All paths below {@code folder} with their sizes, folders with -1. */
    static SortedMap<String, Long> of(Path folder) throws IOException {
        var listing = new TreeMap<String, Long>();
        try (var paths = Files.walk(folder)) {
            for (var path : paths.toList()) {
                listing.put(folder.relativize(path).toString(), Files.isDirectory(path) ? -1 : Files.size(path));
            }
        }
        return listing;
    }

    /** Copies a folder of files and folders. */
    static Path copy(Path from, Path to) throws IOException {
        try (var paths = Files.walk(from)) {
            for (var path : paths.toList()) {
                Files.copy(path, to.resolve(from.relativize(path).toString()));
            }
        }
        return to;
    }
}
