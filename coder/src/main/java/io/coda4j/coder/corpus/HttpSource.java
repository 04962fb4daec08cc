package io.coda4j.coder.corpus;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.UnknownHostException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.function.LongConsumer;

/** Downloads from Maven Central or its mirror with the JDK's HTTP client. */
final class HttpSource implements ArtifactStore.Source {
    private static final Duration CONNECT = Duration.ofSeconds(20);
    private static final Duration STALL = Duration.ofSeconds(60);
    private static final long LARGEST = 512L << 20;

    private final MavenSettings settings;

    HttpSource(MavenSettings settings) {
        this.settings = settings;
    }

    @Override
    public void copyTo(Path target, MavenArtifact artifact, FetchListener listener) throws IOException {
        if (settings.offline()) {
            throw new IOException("Maven's settings say offline");
        }
        URI uri = ArtifactStore.address(settings.central(), artifact);
        if (!"https".equals(uri.getScheme()) && !"http".equals(uri.getScheme())) {
            throw new IOException("the mirror " + uri + " is neither http nor https");
        }
        listener.downloading(artifact, uri);
        try (var client = client(uri)) {
            var request = HttpRequest.newBuilder(uri).timeout(STALL).build();
            var response = client.send(request, HttpResponse.BodyHandlers.ofInputStream());
            try (InputStream body = response.body()) {
                if (response.statusCode() != 200) {
                    throw new IOException(uri + " answered HTTP " + response.statusCode());
                }
                long total =
                        response.headers().firstValueAsLong("Content-Length").orElse(-1);
                save(body, target, total, bytes -> listener.progress(artifact, bytes, total));
            }
        } catch (StorageException e) {
            throw e;
        } catch (IOException | UnresolvedAddressException e) {
            throw new IOException(explain(uri, e), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CorpusException("Interrupted while downloading " + uri, e);
        }
    }

    private HttpClient client(URI uri) {
        var builder = HttpClient.newBuilder().connectTimeout(CONNECT).followRedirects(HttpClient.Redirect.NORMAL);
        settings.proxy()
                .filter(p -> p.isFor(uri.getHost()))
                .ifPresentOrElse(
                        p -> builder.proxy(ProxySelector.of(new InetSocketAddress(p.host(), p.port()))),
                        () -> builder.proxy(ProxySelector.getDefault()));
        return builder.build();
    }

    /** Says what a failure means to somebody who wants the file. */
    private static String explain(URI uri, Exception e) {
        for (Throwable cause = e; cause != null; cause = cause.getCause()) {
            if (cause instanceof UnresolvedAddressException || cause instanceof UnknownHostException) {
                return "the host " + uri.getHost() + " is not known; is this machine offline?";
            }
        }
        return switch (e) {
            case HttpTimeoutException _ -> uri.getHost() + " does not answer";
            case ConnectException _ -> "no connection to " + uri.getHost() + " (" + e.getMessage() + ")";
            default ->
                e.getMessage() != null && e.getMessage().startsWith(uri.toString())
                        ? e.getMessage()
                        : "reading " + uri + " failed: " + e;
        };
    }

    private static void save(InputStream body, Path target, long total, LongConsumer progress) throws IOException {
        requireSpace(target, total);
        long bytes = 0;
        try (OutputStream out = create(target);
                var guard = new StallGuard(body, STALL)) {
            var buffer = new byte[1 << 16];
            for (int n = guard.read(buffer); n >= 0; n = guard.read(buffer)) {
                bytes += n;
                if (bytes > LARGEST) {
                    throw new IOException("the answer is larger than " + LARGEST + " bytes");
                }
                write(out, buffer, n, target);
                progress.accept(bytes);
            }
        }
        if (total >= 0 && bytes != total) {
            throw new IOException("the connection ended after " + bytes + " of " + total + " bytes");
        }
    }

    private static void requireSpace(Path target, long total) throws IOException {
        long free = Files.getFileStore(target.toAbsolutePath().getParent()).getUsableSpace();
        if (total > free) {
            throw new StorageException("it needs " + total + " bytes and only " + free + " are free");
        }
    }

    private static OutputStream create(Path target) throws StorageException {
        try {
            return Files.newOutputStream(target, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        } catch (IOException e) {
            throw new StorageException(e.toString(), e);
        }
    }

    private static void write(OutputStream out, byte[] buffer, int n, Path target) throws StorageException {
        try {
            out.write(buffer, 0, n);
        } catch (IOException e) {
            throw new StorageException("writing " + target + " failed: " + e.getMessage(), e);
        }
    }
}
