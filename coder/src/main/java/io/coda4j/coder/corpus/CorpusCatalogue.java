package io.coda4j.coder.corpus;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;

/** The corpora that can be named: sets of source jars on Maven Central, with pinned checksums and their licences. */
public enum CorpusCatalogue {
    /** commons-lang3: one jar of 0.7 MB, 3.4 MB of well documented Java; trains a model over a coffee. */
    LANG3("lang3", "Apache-2.0", List.of(Jars.LANG3)),
    /** Eight Java libraries, 10.9 MB of text. */
    MIX(
            "mix",
            "Apache-2.0; jsoup MIT",
            List.of(
                    Jars.LANG3,
                    MavenArtifact.sources(
                            "org.apache.commons",
                            "commons-collections4",
                            "4.4",
                            "93b4ff13ee810830a247dfa83bf5b73c401a591af4c11f3efb9b9da581e70452"),
                    MavenArtifact.sources(
                            "commons-io",
                            "commons-io",
                            "2.17.0",
                            "7063020faaa2b0841cf4d197fc5041c388f7bd539eed2ee182f78b595cb463eb"),
                    MavenArtifact.sources(
                            "org.apache.commons",
                            "commons-text",
                            "1.12.0",
                            "191fef119a5f96c9ea99845f35e9fec61b9d4daa23592802bb9894f2efee4f13"),
                    MavenArtifact.sources(
                            "commons-codec",
                            "commons-codec",
                            "1.17.1",
                            "2283aff7f425dff23ebdb7a8fc0f03ae21b4ced7a43aacba47cedae126dc5d4a"),
                    MavenArtifact.sources(
                            "org.apache.commons",
                            "commons-csv",
                            "1.12.0",
                            "f6c3bdc5c21e31ea1009f6da051386978a91c860679f44ad705bbec9643c8f6f"),
                    MavenArtifact.sources(
                            "com.google.code.gson",
                            "gson",
                            "2.11.0",
                            "49a853f71bc874ee1898a4ad5009b57d0c536e5a998b3890253ffbf4b7276ad3"),
                    MavenArtifact.sources(
                            "org.jsoup",
                            "jsoup",
                            "1.18.1",
                            "e145c1a259fe76a3570ea2d2e8e779367f4e5eb1ca86295990a5dfabe87e4d0e")));

    /** Holds what two constants share; an enum's constants come before its static fields. */
    private static final class Jars {
        private static final MavenArtifact LANG3 = MavenArtifact.sources(
                "org.apache.commons",
                "commons-lang3",
                "3.17.0",
                "5fdcac21ad329766054a95367d7583dfcdca737d221d5e01a5f2a198c04c6b18");
    }

    private final String key;
    private final String licences;
    private final List<MavenArtifact> artifacts;

    CorpusCatalogue(String key, String licences, List<MavenArtifact> artifacts) {
        this.key = key;
        this.licences = licences;
        this.artifacts = artifacts;
    }

    /** Returns the name on the command line. */
    public String key() {
        return key;
    }

    public String licences() {
        return licences;
    }

    public List<MavenArtifact> artifacts() {
        return artifacts;
    }

    /**
     * Returns the corpus of that name.
     *
     * @throws CorpusException listing the names, if there is none
     */
    public static CorpusCatalogue named(String key) {
        return Arrays.stream(values())
                .filter(c -> c.key.equals(key))
                .findFirst()
                .orElseThrow(() -> new CorpusException("No corpus is called '" + key + "'; known are "
                        + Arrays.stream(values()).map(CorpusCatalogue::key).collect(Collectors.joining(", "))
                        + "; a folder of source code works as well"));
    }
}
