package io.coda4j.coder.corpus;

import java.util.List;

/**
 * One file of a corpus, cleaned.
 *
 * @param name path inside its artifact or folder, with {@code /}
 * @param artifact Maven coordinates or the folder's name
 * @param text without licence header, line ends {@code \n}, in NFC
 * @param seenInTraining for a held-out file the ranges that also occur in the training files, ascending and disjoint;
 *     evaluation leaves them out. Empty for a training file
 */
public record SourceFile(String name, String artifact, String text, List<CharRange> seenInTraining) {
    public SourceFile {
        seenInTraining = List.copyOf(seenInTraining);
    }
}
