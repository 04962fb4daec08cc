package io.coda4j.tensor.opencl;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Kernel sources beside the classes. */
final class ClResource {
    private static final Map<String, String> TEXTS = new ConcurrentHashMap<>();

    /** What every program begins with: element types, buffers, conversions. */
    static final String PRELUDE = read("prelude.cl");

    private ClResource() {}

    /** The program in {@code name}, with the prelude in front. */
    static String program(String name) {
        return PRELUDE + read(name);
    }

    /** The text of a file. */
    static String read(String name) {
        return TEXTS.computeIfAbsent(name, ClResource::load);
    }

    private static String load(String name) {
        try (var stream = ClResource.class.getResourceAsStream(name)) {
            if (stream == null) {
                throw new IllegalStateException("resource " + name + " is missing from the module");
            }
            return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException("reading resource " + name, e);
        }
    }
}
