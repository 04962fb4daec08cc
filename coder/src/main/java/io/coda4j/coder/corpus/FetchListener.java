package io.coda4j.coder.corpus;

import java.net.URI;
import java.nio.file.Path;

/** Hears how an artifact is found or downloaded; every method does nothing by default. */
public interface FetchListener {
    /** Hears nothing. */
    FetchListener SILENT = new FetchListener() {};

    /** The artifact lies on this machine with the right checksum. */
    default void found(MavenArtifact artifact, Path file) {}

    /** A download begins. */
    default void downloading(MavenArtifact artifact, URI from) {}

    /**
     * Bytes have arrived.
     *
     * @param total the announced size, or -1 where the server did not say
     */
    default void progress(MavenArtifact artifact, long bytes, long total) {}

    /** Something went differently than hoped, and another way is tried. */
    default void note(String line) {}
}
