package io.coda4j.coder.corpus;

import java.io.File;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/**
 * Asks Maven for an artifact, for machines where only Maven knows how: passwords, certificates, repository managers.
 *
 * <p>It runs in an empty folder, because inside the project every module would copy the artifact.
 */
final class MavenSource implements ArtifactStore.Source {
    private static final String GOAL = "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:copy";
    private static final long MINUTES = 10;

    private final MavenSettings settings;

    MavenSource(MavenSettings settings) {
        this.settings = settings;
    }

    @Override
    public void copyTo(Path target, MavenArtifact artifact, FetchListener listener) throws IOException {
        Path command = command().orElseThrow(() -> new IOException("there is no ./mvnw here and no mvn on the PATH"));
        Path work = Files.createTempDirectory(target.toAbsolutePath().getParent(), ".maven-");
        try {
            run(arguments(command, artifact, work), work);
            Path copied = work.resolve(artifact.fileName());
            if (!Files.isRegularFile(copied)) {
                throw new IOException(command + " ended well but left no " + artifact.fileName());
            }
            Files.move(copied, target, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            deleteAll(work);
        }
    }

    private List<String> arguments(Path command, MavenArtifact artifact, Path work) {
        var arguments = new ArrayList<>(List.of(
                command.toString(),
                "-q",
                "-B",
                GOAL,
                "-Dartifact=" + artifact.commandLineForm(),
                "-DoutputDirectory=" + work));
        String local = System.getProperty("maven.repo.local");
        if (local != null) {
            arguments.add("-Dmaven.repo.local=" + settings.localRepository());
        }
        return arguments;
    }

    private static void run(List<String> arguments, Path work) throws IOException {
        Path log = work.resolve("maven.log");
        Process process = new ProcessBuilder(arguments)
                .directory(work.toFile())
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .redirectInput(ProcessBuilder.Redirect.PIPE)
                .start();
        try {
            process.getOutputStream().close();
            if (!process.waitFor(MINUTES, TimeUnit.MINUTES)) {
                throw new IOException(arguments.getFirst() + " did not end within " + MINUTES + " minutes");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CorpusException("Interrupted while Maven was fetching", e);
        } finally {
            process.descendants().forEach(ProcessHandle::destroyForcibly);
            process.destroyForcibly();
        }
        if (process.exitValue() != 0) {
            throw new IOException(arguments.getFirst() + " failed: " + firstError(log));
        }
    }

    private static String firstError(Path log) throws IOException {
        return new String(Files.readAllBytes(log), Charset.defaultCharset())
                .lines()
                .filter(line -> line.contains("ERROR"))
                .map(line -> line.replaceFirst(".*?ERROR\\S*\\s*", "").strip())
                .findFirst()
                .orElse("it said no reason");
    }

    /** Finds the wrapper in this folder or above, else {@code mvn} on the path. */
    private static Optional<Path> command() {
        boolean windows = File.separatorChar == '\\';
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            Path wrapper = at.resolve(windows ? "mvnw.cmd" : "mvnw");
            if (Files.isExecutable(wrapper)) {
                return Optional.of(wrapper);
            }
        }
        for (String folder :
                Optional.ofNullable(System.getenv("PATH")).orElse("").split(File.pathSeparator)) {
            Path maven = Path.of(folder, windows ? "mvn.cmd" : "mvn");
            if (!folder.isEmpty() && Files.isExecutable(maven)) {
                return Optional.of(maven);
            }
        }
        return Optional.empty();
    }

    private static void deleteAll(Path folder) throws IOException {
        try (var files = Files.walk(folder)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
