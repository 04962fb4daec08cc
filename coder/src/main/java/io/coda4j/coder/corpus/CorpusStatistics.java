package io.coda4j.coder.corpus;

import java.util.List;

/**
 * What a corpus consists of, for reports.
 *
 * @param trainFiles training files
 * @param trainChars their characters
 * @param heldOutFiles held-out files
 * @param heldOutChars their characters
 * @param headersRemoved files that lost a licence header
 * @param duplicateFiles files left out because an earlier one has the same text, white space apart
 * @param emptyFiles files left out because nothing, or only a package or module declaration, was in them
 * @param trainBodies method and constructor bodies in the training files (Java only)
 * @param heldOutBodies the same in the held-out files
 * @param heldOutBodiesSeen held-out bodies that also occur in training
 * @param heldOutCharsSeen held-out characters inside the ranges that also occur in training
 * @param unparsed Java files that the JDK's parser refuses, compared by lines instead
 * @param skipped files left out because they could not be used, with the reason
 */
public record CorpusStatistics(
        int trainFiles,
        long trainChars,
        int heldOutFiles,
        long heldOutChars,
        int headersRemoved,
        int duplicateFiles,
        int emptyFiles,
        int trainBodies,
        int heldOutBodies,
        int heldOutBodiesSeen,
        long heldOutCharsSeen,
        int unparsed,
        List<SkippedFile> skipped) {
    public CorpusStatistics {
        skipped = List.copyOf(skipped);
    }

    @Override
    public String toString() {
        return ("%d training files (%,d characters), %d held out (%,d characters); %d bodies to train on, %d held out of"
                        + " which %d also occur in training; %d duplicate, %d empty, %d unusable files left out")
                .formatted(
                        trainFiles,
                        trainChars,
                        heldOutFiles,
                        heldOutChars,
                        trainBodies,
                        heldOutBodies,
                        heldOutBodiesSeen,
                        duplicateFiles,
                        emptyFiles,
                        skipped.size());
    }
}
