package io.coda4j.coder.report;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * What a model was trained on.
 *
 * @param sources the artifacts
 * @param facts further facts in display order: split, vocabulary, duplicates removed
 */
public record Corpus(List<CorpusSource> sources, SequencedMap<String, String> facts) {
    public Corpus {
        sources = List.copyOf(sources);
        facts = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(facts));
    }
}
