package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.coda4j.coder.tokenizer.TokenizerJson.MergeEncoding;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Our files load in the Hugging Face library (through DJL), which then gives the same ids and texts as ours. */
final class HuggingFaceOracleTest {
    private static final int TEXTS = 4_000;

    static {
        // The library asks the cloud's metadata service where it runs, to report its use; tests use no network.
        System.setProperty("OPT_OUT_TRACKING", "true");
        System.setProperty("ai.djl.offline", "true");
    }

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(MergeEncoding.class)
    void encodesAndDecodesAsTheLibraryDoes(MergeEncoding encoding) throws IOException {
        var ours = Samples.tokenizer();
        Path file = folder.resolve("tokenizer.json");
        TokenizerJson.write(ours, file, encoding);
        try (var oracle = open(file)) {
            compare(ours, oracle, new Random(7));
        }
    }

    @Test
    void codaFilesRewrittenByUsGiveTheSameIds() throws IOException {
        var ours = TokenizerJson.read(SharedTokenizerData.tokenizer("coda"));
        TokenizerJson.writeFolder(ours, folder);
        var again = TokenizerJson.read(folder);
        try (var oracle = open(folder.resolve("tokenizer.json"))) {
            compare(again, oracle, new Random(8));
        }
    }

    private static void compare(BpeTokenizer ours, HuggingFaceTokenizer oracle, Random random) {
        for (int i = 0; i < TEXTS; i++) {
            String text = Samples.randomText(random);
            int[] expected = ints(oracle.encode(text).getIds());
            assertArrayEquals(expected, ours.encode(text), () -> "ids of " + quoted(text));
            int[] ids = random.ints(random.nextInt(1, 12), 0, ours.vocabSize()).toArray();
            String decoded = oracle.decode(Arrays.stream(ids).asLongStream().toArray(), false);
            assertEquals(decoded, ours.decode(ids), () -> "text of " + Arrays.toString(ids));
            String skipped = oracle.decode(Arrays.stream(ids).asLongStream().toArray(), true);
            assertEquals(skipped, ours.decode(ids, true), () -> "text of " + Arrays.toString(ids));
        }
    }

    private static String quoted(String text) {
        var hex = new StringBuilder();
        text.codePoints().forEach(c -> hex.append(Integer.toHexString(c)).append(' '));
        return "'" + text + "' = " + hex;
    }

    private static HuggingFaceTokenizer open(Path file) throws IOException {
        try {
            return HuggingFaceTokenizer.newInstance(
                    file, Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false"));
        } catch (UnsatisfiedLinkError | NoClassDefFoundError | ExceptionInInitializerError e) {
            String reason = "the native library of DJL's tokenizers cannot be loaded: " + e;
            System.out.println("skipped: " + reason);
            Assumptions.abort(reason);
            throw e;
        }
    }

    private static int[] ints(long[] ids) {
        return Arrays.stream(ids).mapToInt(Math::toIntExact).toArray();
    }
}
