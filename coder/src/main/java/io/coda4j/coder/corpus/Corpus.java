package io.coda4j.coder.corpus;

import io.coda4j.coder.files.Sha256;
import io.coda4j.coder.tokenizer.Nfc;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * Source files for training and held-out files for evaluation.
 *
 * <p>Files are cleaned (licence header removed, {@code \n} line ends, NFC), those without content and copies, whatever
 * their white space, are dropped, and the rest is split by file, never by method (specification, code corpora). The order is
 * that of artifact and path. What a held-out file shares with the training files is marked in {@link SourceFile#seenInTraining()}.
 */
public final class Corpus {
    private static final Set<String> DECLARATIONS = Set.of("package-info.java", "module-info.java");

    private final List<SourceFile> train;
    private final List<SourceFile> heldOut;
    private final CorpusStatistics statistics;

    private Corpus(List<SourceFile> train, List<SourceFile> heldOut, CorpusStatistics statistics) {
        this.train = List.copyOf(train);
        this.heldOut = List.copyOf(heldOut);
        this.statistics = statistics;
    }

    /**
     * Fetches source jars and reads their Java files.
     *
     * @throws CorpusException if a jar cannot be had or read, or nothing is in them
     */
    public static Corpus ofArtifacts(List<MavenArtifact> artifacts, ArtifactStore store, Split split) {
        var reader = new SourceReader(Set.of("java"));
        for (MavenArtifact artifact : artifacts) {
            reader.readJar(store.fetch(artifact), artifact.coordinates());
        }
        return new Builder(split).build(reader, "the jars " + artifacts);
    }

    /**
     * Reads the files of a folder whose extension is one of {@code extensions}, given without dot.
     *
     * @throws CorpusException if the folder cannot be read or holds no such file
     */
    public static Corpus ofFolder(Path folder, Set<String> extensions, Split split) {
        var reader = new SourceReader(Set.copyOf(extensions));
        reader.readFolder(folder);
        return new Builder(split).build(reader, folder + " (extensions " + String.join(", ", extensions) + ")");
    }

    /**
     * Reads the files of a jar or zip on this machine, for example the {@code lib/src.zip} of a JDK.
     *
     * @throws CorpusException if the file cannot be read or holds no such file
     */
    public static Corpus ofJar(Path jar, Set<String> extensions, Split split) {
        var reader = new SourceReader(Set.copyOf(extensions));
        reader.readJar(jar, String.valueOf(jar.getFileName()));
        return new Builder(split).build(reader, jar + " (extensions " + String.join(", ", extensions) + ")");
    }

    /** Returns the files to train on. */
    public List<SourceFile> train() {
        return train;
    }

    /** Returns the files to evaluate on. */
    public List<SourceFile> heldOut() {
        return heldOut;
    }

    public CorpusStatistics statistics() {
        return statistics;
    }

    /** Cleans, splits and compares, and counts on the way. */
    private static final class Builder {
        private final Split split;

        /** Digests: the texts themselves, without their layout, would take as much memory again. */
        private final Set<String> seen = new HashSet<>();

        private int headers;
        private int copies;
        private int empty;
        private int unparsed;

        Builder(Split split) {
            this.split = split;
        }

        Corpus build(SourceReader reader, String origin) {
            var train = new ArrayList<SourceFile>();
            var heldOut = new ArrayList<SourceFile>();
            reader.files().stream()
                    .sorted(Comparator.comparing(RawFile::artifact).thenComparing(RawFile::name))
                    .map(this::clean)
                    .flatMap(Optional::stream)
                    .forEach(file -> (split.holdsOut(file.name()) ? heldOut : train).add(file));
            if (train.isEmpty()) {
                throw new CorpusException(
                        "There is nothing to train on in " + origin + ": " + heldOut.size() + " files held out, "
                                + empty + " empty, " + reader.skipped().size() + " unusable");
            }
            return compare(train, heldOut, reader.skipped());
        }

        private Optional<SourceFile> clean(RawFile file) {
            String text = file.text().replace("\r\n", "\n").replace('\r', '\n');
            if (text.startsWith("\uFEFF")) {
                text = text.substring(1);
            }
            String stripped = LicenceHeader.strip(text);
            String simpleName = file.name().substring(file.name().lastIndexOf('/') + 1);
            if (stripped.isBlank() || DECLARATIONS.contains(simpleName)) {
                empty++;
                return Optional.empty();
            }
            String normal = Nfc.normalize(stripped);
            if (!seen.add(fingerprint(normal))) {
                copies++;
                return Optional.empty();
            }
            // Blank lines at the top are cut as well, and are no header.
            headers += stripped.length() < text.stripLeading().length() ? 1 : 0;
            return Optional.of(new SourceFile(file.name(), file.artifact(), normal, List.of()));
        }

        /** The same for texts that differ in layout at most. */
        private static String fingerprint(String text) {
            return Sha256.hex(Duplicates.withoutLayout(text).getBytes(StandardCharsets.UTF_8));
        }

        private Corpus compare(List<SourceFile> train, List<SourceFile> heldOut, List<SkippedFile> skipped) {
            var trainUnits = units(train);
            var heldOutUnits = units(heldOut);
            var duplicates = new Duplicates();
            boolean byLines = heldOutUnits.stream().anyMatch(Optional::isEmpty);
            int trainBodies = 0;
            for (int i = 0; i < train.size(); i++) {
                var text = train.get(i).text();
                var ranges = trainUnits.get(i).orElse(List.of());
                duplicates.addBodies(text, ranges);
                trainBodies += ranges.size();
                boolean hasBodies = trainUnits.get(i).isPresent();
                if (byLines || !hasBodies) {
                    duplicates.addLines(text, hasBodies);
                }
            }
            var marked = new ArrayList<SourceFile>();
            int bodies = 0;
            int seen = 0;
            for (int i = 0; i < heldOut.size(); i++) {
                var file = heldOut.get(i);
                var found = duplicates.find(file.text(), heldOutUnits.get(i));
                bodies += found.bodies();
                seen += found.duplicatedBodies();
                marked.add(new SourceFile(file.name(), file.artifact(), file.text(), found.ranges()));
            }
            var statistics = new CorpusStatistics(
                    train.size(),
                    chars(train),
                    marked.size(),
                    chars(marked),
                    headers,
                    copies,
                    empty,
                    trainBodies,
                    bodies,
                    seen,
                    sum(marked.stream()
                            .flatMap(f -> f.seenInTraining().stream())
                            .mapToLong(CharRange::length)),
                    unparsed,
                    skipped);
            return new Corpus(train, marked, statistics);
        }

        /** Returns the bodies of each Java file, and nothing for a file that is compared by lines. */
        private List<Optional<List<CharRange>>> units(List<SourceFile> files) {
            var java = files.stream().filter(f -> Duplicates.isJava(f.name())).toList();
            var parsed = java.isEmpty()
                    ? List.<Optional<List<CharRange>>>of()
                    : MethodBodies.of(java.stream().map(SourceFile::text).toList());
            unparsed += (int) parsed.stream().filter(Optional::isEmpty).count();
            var inOrder = parsed.iterator();
            return files.stream()
                    .map(f -> Duplicates.isJava(f.name()) ? inOrder.next() : Optional.<List<CharRange>>empty())
                    .toList();
        }

        private static long chars(List<SourceFile> files) {
            return sum(files.stream().mapToLong(f -> f.text().length()));
        }

        private static long sum(LongStream values) {
            return values.sum();
        }
    }
}
