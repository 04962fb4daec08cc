package io.coda4j.bench.peers;

import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TokenizerJson;
import java.util.List;
import java.util.stream.IntStream;

/** This project's tokenizer. */
final class CodaEncoding implements Engine.Task {
    private final BpeTokenizer tokenizer;
    private final List<String> texts;
    private final int[][] ids;

    CodaEncoding(Work.Encode work) {
        tokenizer = TokenizerJson.read(work.tokenizer());
        texts = SourceTexts.below(work.texts()).texts();
        ids = new int[texts.size()][];
    }

    @Override
    public void run() {
        for (int i = 0; i < ids.length; i++) {
            ids[i] = tokenizer.encode(texts.get(i));
        }
    }

    @Override
    public float[] sample() {
        return Operands.floats(IntStream.range(0, ids.length)
                .flatMap(i -> IntStream.of(ids[i]))
                .toArray());
    }

    @Override
    public void close() {}
}
