package io.coda4j.coder.train;

import io.coda4j.coder.corpus.SourceFile;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import java.util.Arrays;
import java.util.List;

/**
 * Source files as one stream of tokens, each file followed by the end token.
 *
 * @param tokens the stream
 * @param fresh for each token whether its text occurs nowhere in the training files; true throughout for those
 */
public record EncodedCorpus(int[] tokens, boolean[] fresh) {
    /** The stream of {@code files}, in their order. */
    public static EncodedCorpus of(List<SourceFile> files, BpeTokenizer tokenizer) {
        int[][] parts = new int[files.size()][];
        int total = 0;
        for (int i = 0; i < parts.length; i++) {
            // Source text is data: control tokens spelled out in it must not become control tokens.
            parts[i] = tokenizer.encode(files.get(i).text(), false);
            total += parts[i].length + 1;
        }
        var tokens = new int[total];
        var fresh = new boolean[total];
        int at = 0;
        for (int i = 0; i < parts.length; i++) {
            System.arraycopy(parts[i], 0, tokens, at, parts[i].length);
            tokens[at + parts[i].length] = tokenizer.eosId();
            Arrays.fill(fresh, at, at + parts[i].length + 1, true);
            markSeen(files.get(i), tokenizer.charOffsets(parts[i]), fresh, at);
            at += parts[i].length + 1;
        }
        return new EncodedCorpus(tokens, fresh);
    }

    /** A token that reaches into a seen range, even by one character, is not fresh. */
    private static void markSeen(SourceFile file, int[] offsets, boolean[] fresh, int at) {
        var ranges = file.seenInTraining();
        // Both ascend, so that one walk over them is enough.
        int first = 0;
        for (int i = 0; i < offsets.length && first < ranges.size(); i++) {
            int end = i + 1 < offsets.length ? offsets[i + 1] : file.text().length();
            while (first < ranges.size() && ranges.get(first).end() <= offsets[i]) {
                first++;
            }
            if (first < ranges.size()
                    && Math.max(end, offsets[i] + 1) > ranges.get(first).start()) {
                fresh[at + i] = false;
            }
        }
    }
}
