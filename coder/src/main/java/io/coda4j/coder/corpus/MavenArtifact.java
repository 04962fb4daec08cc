package io.coda4j.coder.corpus;

import java.util.regex.Pattern;

/**
 * A jar by its Maven coordinates and the SHA-256 that it must have.
 *
 * @param groupId for example {@code org.apache.commons}
 * @param artifactId for example {@code commons-lang3}
 * @param version for example {@code 3.17.0}
 * @param classifier for example {@code sources}; empty for the main jar
 * @param sha256 64 hexadecimal digits in lower case
 */
public record MavenArtifact(String groupId, String artifactId, String version, String classifier, String sha256) {
    // The parts become paths and URLs, so nothing may climb out of a folder.
    private static final Pattern PART = Pattern.compile("[A-Za-z0-9_-][A-Za-z0-9._-]*");
    private static final Pattern SHA256 = Pattern.compile("[0-9a-f]{64}");

    public MavenArtifact {
        require(groupId, "groupId", PART);
        require(artifactId, "artifactId", PART);
        require(version, "version", PART);
        if (!classifier.isEmpty()) {
            require(classifier, "classifier", PART);
        }
        require(sha256, "sha256", SHA256);
    }

    private static void require(String value, String name, Pattern pattern) {
        if (!pattern.matcher(value).matches() || value.contains("..")) {
            throw new IllegalArgumentException(
                    "The " + name + " '" + value + "' of an artifact does not match " + pattern);
        }
    }

    /** Returns the sources jar of the coordinates. */
    public static MavenArtifact sources(String groupId, String artifactId, String version, String sha256) {
        return new MavenArtifact(groupId, artifactId, version, "sources", sha256);
    }

    /** Returns {@code group:artifact:version}. */
    public String coordinates() {
        return groupId + ":" + artifactId + ":" + version;
    }

    String fileName() {
        return artifactId + "-" + version + (classifier.isEmpty() ? "" : "-" + classifier) + ".jar";
    }

    /** Returns the path inside a Maven repository, with {@code /}. */
    String repositoryPath() {
        return groupId.replace('.', '/') + "/" + artifactId + "/" + version + "/" + fileName();
    }

    /** Returns the coordinates as {@code mvn dependency:get -Dartifact=} takes them. */
    String commandLineForm() {
        return coordinates() + ":jar" + (classifier.isEmpty() ? "" : ":" + classifier);
    }
}
