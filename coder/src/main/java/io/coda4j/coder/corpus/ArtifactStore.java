package io.coda4j.coder.corpus;

import io.coda4j.coder.files.Sha256;
import io.coda4j.nn.files.FailureReason;
import io.coda4j.nn.files.TemporaryName;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;

/**
 * Brings artifacts to this machine and hands out only files with the pinned SHA-256.
 *
 * <p>An artifact is looked for in Maven's local repository and in this project's cache, then downloaded from Maven
 * Central or the mirror that Maven's settings name, and at last asked of Maven itself, which knows the passwords and
 * certificates of its surroundings. A download is checked under a temporary name in the cache and then moved, so a file
 * under its final name is whole; a cached file that has gone bad is fetched again and replaced.
 */
public final class ArtifactStore {
    /** A way of getting bytes from elsewhere; throws {@link IOException} where it cannot. */
    @FunctionalInterface
    interface Source {
        void copyTo(Path target, MavenArtifact artifact, FetchListener listener) throws IOException;
    }

    private final Path cache;
    private final Path localRepository;
    private final Source remote;
    private final Source maven;
    private final FetchListener listener;

    ArtifactStore(Path cache, Path localRepository, Source remote, Source maven, FetchListener listener) {
        this.cache = cache;
        this.localRepository = localRepository;
        this.remote = remote;
        this.maven = maven;
        this.listener = listener;
    }

    /** Returns the store of this user: Maven's settings, and the cache in {@link #defaultCache()}. */
    public static ArtifactStore ofUser(FetchListener listener) {
        return inCache(defaultCache(), listener);
    }

    /** Returns a store that keeps its downloads in {@code cache}. */
    public static ArtifactStore inCache(Path cache, FetchListener listener) {
        var settings = MavenSettings.ofEnvironment();
        return new ArtifactStore(
                cache, settings.localRepository(), new HttpSource(settings), new MavenSource(settings), listener);
    }

    /** Returns {@code $XDG_CACHE_HOME/coda4j}, or {@code ~/.cache/coda4j}. */
    public static Path defaultCache() {
        String xdg = System.getenv("XDG_CACHE_HOME");
        Path base = xdg == null || xdg.isBlank() ? Path.of(System.getProperty("user.home"), ".cache") : Path.of(xdg);
        return base.resolve("coda4j");
    }

    /**
     * Returns a file with the artifact's content, verified.
     *
     * @throws CorpusException if it cannot be had, or has another checksum
     */
    public Path fetch(MavenArtifact artifact) {
        Path local = localRepository.resolve(artifact.repositoryPath());
        Path cached = cache.resolve(artifact.fileName());
        if (isGood(local, artifact, "is not used")) {
            return found(artifact, local);
        }
        if (isGood(cached, artifact, "is fetched again")) {
            return found(artifact, cached);
        }
        try {
            Files.createDirectories(cache);
        } catch (IOException e) {
            throw new CorpusException(
                    "The cache folder " + cache + " cannot be made: " + e + "; set XDG_CACHE_HOME to another place", e);
        }
        obtain(artifact, cached);
        return found(artifact, cached);
    }

    private Path found(MavenArtifact artifact, Path file) {
        listener.found(artifact, file);
        return file;
    }

    private boolean isGood(Path file, MavenArtifact artifact, String otherwise) {
        if (!Files.isRegularFile(file)) {
            return false;
        }
        try {
            String actual = Sha256.hex(file);
            if (actual.equals(artifact.sha256())) {
                return true;
            }
            listener.note(file + " has SHA-256 " + actual + " instead of " + artifact.sha256() + " and " + otherwise);
        } catch (IOException e) {
            listener.note(file + " cannot be read (" + e + ") and " + otherwise);
        }
        return false;
    }

    private void obtain(MavenArtifact artifact, Path target) {
        Path temporary = TemporaryName.of(target);
        try {
            Optional<IOException> failure = tried(remote, temporary, artifact);
            if (failure.isPresent()) {
                listener.note("Plain download failed (" + failure.get().getMessage() + "); asking Maven");
                Files.deleteIfExists(temporary);
                tried(maven, temporary, artifact).ifPresent(second -> {
                    throw unreachable(artifact, target, failure.get(), second);
                });
            }
            verify(artifact, temporary);
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new CorpusException("Cannot store " + target + ": " + reason(e), e);
        } finally {
            remove(temporary);
        }
    }

    private Optional<IOException> tried(Source source, Path temporary, MavenArtifact artifact) {
        try {
            source.copyTo(temporary, artifact, listener);
            return Optional.empty();
        } catch (StorageException e) {
            // The other way would meet the same full disk.
            throw new CorpusException(
                    "Cannot store " + artifact.fileName() + " in " + cache + ": " + e.getMessage(), e);
        } catch (IOException e) {
            return Optional.of(e);
        }
    }

    private static String reason(IOException e) {
        return e.getMessage() == null ? e.toString() : e.getClass().getSimpleName() + ": " + e.getMessage();
    }

    private static CorpusException unreachable(
            MavenArtifact artifact, Path target, IOException first, IOException second) {
        var error = new CorpusException(
                "Cannot fetch %s: %s; and by Maven: %s. Without a network, put the jar at %s or train on a folder of your own"
                        .formatted(artifact.commandLineForm(), first.getMessage(), second.getMessage(), target),
                first);
        error.addSuppressed(second);
        return error;
    }

    private static void verify(MavenArtifact artifact, Path file) throws IOException {
        String actual = Sha256.hex(file);
        if (!actual.equals(artifact.sha256())) {
            throw new CorpusException(
                    "The download of %s has SHA-256 %s (%d bytes) instead of %s and was removed; check mirror and proxy"
                            .formatted(artifact.commandLineForm(), actual, Files.size(file), artifact.sha256()));
        }
    }

    private void remove(Path temporary) {
        try {
            Files.deleteIfExists(temporary);
        } catch (IOException e) {
            listener.note("The temporary file " + temporary + " cannot be removed: " + FailureReason.of(e));
        }
    }

    static URI address(URI base, MavenArtifact artifact) {
        return base.resolve(artifact.repositoryPath());
    }
}
