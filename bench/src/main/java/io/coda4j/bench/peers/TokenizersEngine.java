package io.coda4j.bench.peers;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * Hugging Face's tokenizers, native code, through DJL. DJL has no call for the ids alone: what it measures includes making
 * Java strings of all tokens, and their offsets.
 */
final class TokenizersEngine implements Engine {
    TokenizersEngine() {
        // The library asks the cloud's metadata service where it runs, to report its use.
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ai.djl.offline", "true");
    }

    @Override
    public String description() {
        return "Hugging Face tokenizers through DJL " + ai.djl.engine.Engine.getDjlVersion() + ", 1 thread";
    }

    @Override
    public Task prepare(Work work) {
        return switch (work) {
            case Work.Encode encode -> new EncodeTask(encode);
            case Work.Gemm _,
                    Work.QuantizedGemm _,
                    Work.Attention _,
                    Work.Rows _,
                    Work.Step _,
                    Work.Denoise _,
                    Work.Decode _ -> throw new UnsupportedOperationException("a tokenizer only encodes");
        };
    }

    private static final class EncodeTask implements Task {
        private final HuggingFaceTokenizer tokenizer;
        private final List<String> texts;
        private final long[][] ids;

        EncodeTask(Work.Encode work) {
            try {
                tokenizer = HuggingFaceTokenizer.newInstance(
                        work.tokenizer(),
                        Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
            } catch (IOException e) {
                throw new UncheckedIOException(work.tokenizer() + ": cannot be read", e);
            }
            texts = SourceTexts.below(work.texts()).texts();
            ids = new long[texts.size()][];
        }

        @Override
        public void run() {
            for (int i = 0; i < ids.length; i++) {
                ids[i] = tokenizer.encode(texts.get(i)).getIds();
            }
        }

        @Override
        public float[] sample() {
            return Operands.floats(Arrays.stream(ids)
                    .flatMapToLong(Arrays::stream)
                    .mapToInt(Math::toIntExact)
                    .toArray());
        }

        @Override
        public void close() {
            tokenizer.close();
        }
    }
}
