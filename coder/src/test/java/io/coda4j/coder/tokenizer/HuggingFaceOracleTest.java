package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import io.coda4j.coder.tokenizer.TokenizerJson.MergeEncoding;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

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
            compare(ours, oracle, new Random(7), TEXTS);
        }
    }

    @Test
    void codaFilesRewrittenByUsGiveTheSameIds() throws IOException {
        var ours = TokenizerJson.read(SharedTokenizerData.tokenizer("coda"));
        TokenizerJson.writeFolder(ours, folder);
        var again = TokenizerJson.read(folder);
        try (var oracle = open(folder.resolve("tokenizer.json"))) {
            compare(again, oracle, new Random(8), TEXTS);
        }
    }

    /** A pattern is read as the library reads it, or not at all. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                ".+",
                "^.",
                ".$",
                "^ | $",
                "\\S+|\\s",
                "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}",
                "(?i:'s|'t|'re|'ve|'m|'ll|'d)|(?:\\p{Lu}\\p{M}*)+|(?<=a)b|(?<!a)(?!b)[b\\-\\]\\d]++",
                "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]",
                "[\\u4e00-\\u9fff\\x61]+|(?>a|b)c?+"
            })
    void patternsSplitAsTheLibrarySplits(String pattern) throws IOException {
        var ours = TokenizerJson.read(withPattern(pattern));
        try (var oracle = open(folder.resolve("tokenizer.json"))) {
            compare(ours, oracle, new Random(9), TEXTS / 10);
        }
    }

    /** The library takes each of them, and splits some text in another way than Java would. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "[[:alpha:]]+",
                "\\h+",
                "\\w+",
                "\\bx",
                "(?m).+",
                "\\v",
                "\\pL+",
                "\\G.",
                "\\Qa\\E",
                "\\p{XDigit}",
                "(?i:i)x",
                "a{1,2}+"
            })
    void patternsThatTheLibraryReadsOtherwiseAreRefused(String pattern) {
        var e = assertThrows(TokenizerException.class, () -> TokenizerJson.read(withPattern(pattern)));
        assertTrue(e.getMessage().contains("in another way here than in the Hugging Face library"), e.getMessage());
    }

    private Path withPattern(String pattern) {
        var sample = Samples.tokenizer();
        var splitter = TextSplitter.of(pattern, true);
        Path file = folder.resolve("tokenizer.json");
        TokenizerJson.write(new BpeTokenizer(sample.model(), splitter, sample.addedTokens(), sample.roles()), file);
        return file;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void addedTokensAreNormalizedAsTheLibraryDoes(boolean composed) throws IOException {
        var sample = Samples.tokenizer();
        var added = new ArrayList<>(sample.addedTokens());
        String content = composed ? "<é>" : "<e\u0301>";
        added.add(new AddedToken(sample.vocabSize(), content, false, true));
        var ours = new BpeTokenizer(sample.model(), TextSplitter.of(TextSplitter.QWEN2, true), added, sample.roles());
        Path file = folder.resolve("tokenizer.json");
        TokenizerJson.write(ours, file);
        try (var oracle = open(file)) {
            for (String text : List.of("<é>", "<e\u0301>", "x<e\u0301> <é>é", "<e\u0323\u0301>")) {
                assertArrayEquals(
                        ints(oracle.encode(text).getIds()), ours.encode(text), () -> "ids of " + quoted(text));
            }
        }
    }

    private static void compare(BpeTokenizer ours, HuggingFaceTokenizer oracle, Random random, int texts) {
        for (int i = 0; i < texts; i++) {
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
