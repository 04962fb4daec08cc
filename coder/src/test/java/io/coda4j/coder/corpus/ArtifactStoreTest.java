package io.coda4j.coder.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Fetches a jar made here from a server on this machine; no network is needed. */
final class ArtifactStoreTest {
    private static final ArtifactStore.Source NO_MAVEN = (_, _, _) -> {
        throw new IOException("no Maven in tests");
    };

    @TempDir
    private Path folder;

    private final byte[] jar = jar();
    private final MavenArtifact artifact = MavenArtifact.sources("org.example", "tiny", "1.0", sha256(jar));
    private final AtomicInteger requests = new AtomicInteger();
    private final List<String> notes = new ArrayList<>();
    private byte[] served = jar;
    private int status = 200;
    private HttpServer server;

    @BeforeEach
    void startServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/maven2/org/example/tiny/1.0/tiny-1.0-sources.jar", exchange -> {
            requests.incrementAndGet();
            exchange.sendResponseHeaders(status, served.length);
            try (var body = exchange.getResponseBody()) {
                body.write(served);
            }
        });
        server.start();
    }

    @AfterEach
    void stopServer() {
        server.stop(0);
    }

    private static byte[] jar() {
        var bytes = new ByteArrayOutputStream();
        try (var zip = new ZipOutputStream(bytes)) {
            for (int i = 0; i < 20; i++) {
                zip.putNextEntry(new ZipEntry("org/example/File" + i + ".java"));
                zip.write(("package org.example;\nclass File" + i + " { int f() { return " + i + "; } }\n")
                        .getBytes(StandardCharsets.UTF_8));
            }
            zip.putNextEntry(new ZipEntry("META-INF/versions/9/org/example/File0.java"));
            zip.putNextEntry(new ZipEntry("org/example/notes.txt"));
            zip.putNextEntry(new ZipEntry("../../escape.java"));
            zip.write("class Escape {}".getBytes(StandardCharsets.UTF_8));
        } catch (IOException e) {
            throw new AssertionError(e);
        }
        return bytes.toByteArray();
    }

    private static String sha256(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (java.security.NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    private Path cache() {
        return folder.resolve("cache");
    }

    private Path cached() {
        return cache().resolve("tiny-1.0-sources.jar");
    }

    private ArtifactStore store() {
        return store("http://127.0.0.1:" + server.getAddress().getPort() + "/maven2/", NO_MAVEN);
    }

    private ArtifactStore store(String base, ArtifactStore.Source maven) {
        var settings = new MavenSettings(folder.resolve("m2"), URI.create(base), Optional.empty(), false);
        return new ArtifactStore(
                cache(), settings.localRepository(), new HttpSource(settings), maven, new FetchListener() {
                    @Override
                    public void note(String line) {
                        notes.add(line);
                    }
                });
    }

    private void assertNoTemporaryFiles() throws IOException {
        try (var files = Files.list(cache())) {
            assertEquals(
                    List.of(), files.filter(f -> !f.equals(cached())).toList(), "nothing but the artifact may remain");
        }
    }

    private String failure(ArtifactStore store) {
        String message =
                assertThrows(CorpusException.class, () -> store.fetch(artifact)).getMessage();
        assertEquals(1, message.lines().count(), message);
        return message;
    }

    @Test
    void downloadsOnceAndThenUsesTheCache() throws IOException {
        Path file = store().fetch(artifact);
        assertEquals(cached(), file);
        assertArrayEquals(jar, Files.readAllBytes(file));
        assertEquals(file, store().fetch(artifact));
        assertEquals(1, requests.get());
        assertNoTemporaryFiles();
    }

    @Test
    void mavensLocalRepositoryIsUsedFirst() throws IOException {
        Path local = folder.resolve("m2/org/example/tiny/1.0/tiny-1.0-sources.jar");
        Files.createDirectories(local.getParent());
        Files.write(local, jar);
        assertEquals(local, store().fetch(artifact));
        assertEquals(0, requests.get());
        assertFalse(Files.exists(cache()));
    }

    @Test
    void aDamagedLocalRepositoryIsPassedOver() throws IOException {
        Path local = folder.resolve("m2/org/example/tiny/1.0/tiny-1.0-sources.jar");
        Files.createDirectories(local.getParent());
        Files.write(local, new byte[] {1});
        assertEquals(cached(), store().fetch(artifact));
        assertArrayEquals(new byte[] {1}, Files.readAllBytes(local), "Maven's file is not ours to change");
        assertTrue(notes.getFirst().contains("is not used"), notes.toString());
    }

    @Test
    void aDamagedCacheIsFetchedAgain() throws IOException {
        store().fetch(artifact);
        Files.write(cached(), new byte[] {1, 2, 3});
        assertArrayEquals(jar, Files.readAllBytes(store().fetch(artifact)));
        assertEquals(2, requests.get());
        assertTrue(notes.getFirst().contains("is fetched again"), notes.toString());
        assertNoTemporaryFiles();
    }

    @Test
    void aWrongDownloadIsRefusedAndRemoved() throws IOException {
        served = "<html>please log in</html>".getBytes(StandardCharsets.UTF_8);
        String message = failure(store());
        assertTrue(message.contains(sha256(served)) && message.contains(artifact.sha256()), message);
        assertFalse(Files.exists(cached()));
        assertNoTemporaryFiles();
    }

    @Test
    void aMissingFileAndNoMavenNameBothReasonsAndTheWayOut() throws IOException {
        status = 404;
        String message = failure(store());
        assertTrue(message.contains("HTTP 404") && message.contains("no Maven in tests"), message);
        assertTrue(message.contains(cached().toString()), message);
        assertNoTemporaryFiles();
    }

    @Test
    void anUnreachableServerIsNamed() throws IOException {
        int port = server.getAddress().getPort();
        server.stop(0);
        String message = failure(store("http://127.0.0.1:" + port + "/maven2/", NO_MAVEN));
        assertTrue(message.contains("no connection to 127.0.0.1"), message);
        assertNoTemporaryFiles();
    }

    @Test
    void mavenIsAskedWhereThePlainDownloadFails() throws IOException {
        status = 403;
        ArtifactStore.Source maven = (target, _, _) -> Files.write(target, jar);
        String base = "http://127.0.0.1:" + server.getAddress().getPort() + "/maven2/";
        assertArrayEquals(jar, Files.readAllBytes(store(base, maven).fetch(artifact)));
        assertTrue(notes.getFirst().contains("HTTP 403"), notes.toString());
    }

    @Test
    void aConnectionThatBreaksOffIsNoFile() throws IOException {
        server.removeContext("/maven2/org/example/tiny/1.0/tiny-1.0-sources.jar");
        server.createContext("/maven2/", exchange -> {
            exchange.sendResponseHeaders(200, jar.length);
            exchange.getResponseBody().write(jar, 0, 100);
            exchange.close();
        });
        String message = failure(store());
        assertTrue(message.contains("tiny-1.0-sources.jar"), message);
        assertNoTemporaryFiles();
    }

    @Test
    void settingsThatSayOfflineAreObeyed() {
        var settings = new MavenSettings(folder.resolve("m2"), MavenSettings.CENTRAL, Optional.empty(), true);
        var store = new ArtifactStore(
                cache(), settings.localRepository(), new HttpSource(settings), NO_MAVEN, FetchListener.SILENT);
        assertTrue(failure(store).contains("offline"));
    }

    @Test
    void aCachePlaceThatIsNoFolderIsNamed() throws IOException {
        Files.writeString(cache(), "a file");
        String message = failure(store());
        assertTrue(message.contains(cache().toString()) && message.contains("XDG_CACHE_HOME"), message);
    }

    @Test
    void jarsBecomeACorpusWithoutBeingUnpacked() {
        var corpus = Corpus.ofArtifacts(List.of(artifact), store(), new Split(5, 0.3));
        assertEquals(21, corpus.train().size() + corpus.heldOut().size());
        assertTrue(corpus.heldOut().size() > 1);
        assertEquals("org.example:tiny:1.0", corpus.train().getFirst().artifact());
        assertFalse(Files.exists(folder.resolve("escape.java")));
        assertEquals(20, corpus.statistics().trainBodies() + corpus.statistics().heldOutBodies());
    }

    @Test
    void aZipOnThisMachineBecomesACorpus() throws IOException {
        Path zip = Files.write(folder.resolve("src.zip"), jar);
        var corpus = Corpus.ofJar(zip, Set.of("java"), new Split(0, 0));
        assertEquals(21, corpus.train().size());
        assertEquals("src.zip", corpus.train().getFirst().artifact());
    }

    @Test
    void aFileThatIsNoJarIsNamed() throws IOException {
        served = "no zip".getBytes(StandardCharsets.UTF_8);
        var text = MavenArtifact.sources("org.example", "tiny", "1.0", sha256(served));
        var e = assertThrows(CorpusException.class, () -> Corpus.ofArtifacts(List.of(text), store(), Split.DEFAULT));
        assertTrue(e.getMessage().contains(cached().toString()), e.getMessage());
    }

    @Test
    void coordinatesCannotClimbOutOfAFolder() {
        for (String bad : List.of("../x", "a/b", "", "..", ".a", "a..b")) {
            assertThrows(IllegalArgumentException.class, () -> MavenArtifact.sources("g", bad, "1", artifact.sha256()));
        }
        assertThrows(IllegalArgumentException.class, () -> MavenArtifact.sources("g", "a", "1", "ABC"));
    }
}
