package io.coda4j.coder.corpus;

import io.coda4j.nn.files.FailureReason;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/** Collects text files from jars and folders, and remembers what it left out and why. Nothing is ever unpacked to disk. */
final class SourceReader {
    private static final int LARGEST_FILE = 2 << 20;
    private static final long LARGEST_CORPUS = 1L << 30;

    private final Set<String> extensions;
    private final List<RawFile> files = new ArrayList<>();
    private final List<SkippedFile> skipped = new ArrayList<>();
    private long total;

    /** Reads files whose name ends in a dot and one of {@code extensions}. */
    SourceReader(Set<String> extensions) {
        this.extensions = extensions;
    }

    List<RawFile> files() {
        return files;
    }

    List<SkippedFile> skipped() {
        return skipped;
    }

    void readJar(Path jar, String artifact) {
        try (var zip = new ZipFile(jar.toFile())) {
            for (ZipEntry entry : zip.stream().toList()) {
                if (!entry.isDirectory()
                        && isWanted(entry.getName())
                        && !entry.getName().startsWith("META-INF/")) {
                    try (var in = zip.getInputStream(entry)) {
                        add(entry.getName(), artifact, in);
                    }
                }
            }
        } catch (IOException e) {
            throw new CorpusException("The jar " + jar + " cannot be read: " + FailureReason.of(e), e);
        }
    }

    /** Reads a folder and all below it, without hidden files and without following symbolic links (so without loops). */
    void readFolder(Path folder) {
        try {
            Path root = folder.toRealPath();
            if (!Files.isDirectory(root)) {
                throw new CorpusException("The corpus " + folder + " is not a folder");
            }
            Files.walkFileTree(root, new FolderVisitor(root));
        } catch (IOException e) {
            throw new CorpusException("The corpus folder " + folder + " cannot be read: " + FailureReason.of(e), e);
        }
    }

    private boolean isWanted(String name) {
        int dot = name.lastIndexOf('.');
        return dot >= 0 && extensions.contains(name.substring(dot + 1));
    }

    private void add(String name, String artifact, InputStream in) throws IOException {
        // The size in a zip's directory is only a claim, so the bytes are counted as they come.
        byte[] bytes = in.readNBytes(LARGEST_FILE + 1);
        total += bytes.length;
        if (total > LARGEST_CORPUS) {
            throw new CorpusException("The corpus is larger than 1 GiB at " + name + "; choose a smaller folder");
        }
        if (bytes.length > LARGEST_FILE) {
            skipped.add(new SkippedFile(name, "larger than 2 MiB"));
            return;
        }
        text(bytes)
                .ifPresentOrElse(
                        text -> files.add(new RawFile(name, artifact, text)),
                        () -> skipped.add(new SkippedFile(name, "not UTF-8 text")));
    }

    private static Optional<String> text(byte[] bytes) {
        try {
            String text = StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
            return text.indexOf('\0') >= 0 ? Optional.empty() : Optional.of(text);
        } catch (CharacterCodingException _) {
            return Optional.empty();
        }
    }

    private final class FolderVisitor extends SimpleFileVisitor<Path> {
        private final Path root;

        FolderVisitor(Path root) {
            this.root = root;
        }

        private String name(Path file) {
            return root.relativize(file).toString().replace('\\', '/');
        }

        @Override
        public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            boolean hidden =
                    !folder.equals(root) && folder.getFileName().toString().startsWith(".");
            return hidden ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
            String fileName = file.getFileName().toString();
            if (!isWanted(fileName) || fileName.startsWith(".")) {
                return FileVisitResult.CONTINUE;
            }
            if (!attributes.isRegularFile()) {
                skipped.add(new SkippedFile(name(file), "symbolic link or special file"));
                return FileVisitResult.CONTINUE;
            }
            try (var in = Files.newInputStream(file)) {
                add(name(file), String.valueOf(root.getFileName()), in);
            } catch (IOException e) {
                skipped.add(new SkippedFile(name(file), "cannot be read: " + FailureReason.of(e)));
            }
            return FileVisitResult.CONTINUE;
        }

        @Override
        public FileVisitResult visitFileFailed(Path file, IOException e) {
            skipped.add(new SkippedFile(name(file), "cannot be read: " + FailureReason.of(e)));
            return FileVisitResult.CONTINUE;
        }
    }
}
