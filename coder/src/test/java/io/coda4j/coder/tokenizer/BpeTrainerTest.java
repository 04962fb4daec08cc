package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.tokenizer.BpeModel.Merge;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

final class BpeTrainerTest {
    @Test
    void mergesAreThoseOfRecountingAllPairsEveryTime() {
        for (int seed = 0; seed < 30; seed++) {
            var random = new Random(seed);
            var texts = new ArrayList<String>();
            for (int i = 0; i < 12; i++) {
                texts.add(random.nextBoolean() ? Samples.randomText(random) : randomWord(random));
            }
            var trained = new BpeTrainer(256 + 60, 2, List.of(), List.of()).train(texts, BpeTrainer.Progress.NONE);
            assertEquals(naiveMerges(texts, 60), trained.model().merges(), "seed " + seed);
        }
    }

    private static String randomWord(Random random) {
        return random.ints(200, 'a', 'd')
                .collect(StringBuilder::new, (b, c) -> b.append((char) c), (_, _) -> {})
                .toString();
    }

    /** Trains by counting every pair of every piece anew for each merge. */
    private static List<Merge> naiveMerges(List<String> texts, int newTokens) {
        var splitter = TextSplitter.of(TextSplitter.QWEN2, true);
        var tokens = new ArrayList<>(List.of(ByteAlphabet.tokensInOrder()));
        var pieces = new ArrayList<List<String>>();
        for (String text : texts) {
            String normal = splitter.normalize(text);
            splitter.forEachPiece(normal, (start, end) -> pieces.add(spell(normal.substring(start, end))));
        }
        var merges = new ArrayList<Merge>();
        while (tokens.size() < 256 + newTokens) {
            var counts = new TreeMap<Long, Integer>();
            for (var piece : pieces) {
                for (int i = 0; i + 1 < piece.size(); i++) {
                    long pair = MergeTable.key(tokens.indexOf(piece.get(i)), tokens.indexOf(piece.get(i + 1)));
                    counts.merge(pair, 1, Integer::sum);
                }
            }
            int most = counts.values().stream().mapToInt(c -> c).max().orElse(0);
            if (most < 2) {
                break;
            }
            long best = counts.entrySet().stream()
                    .filter(e -> e.getValue() == most)
                    .map(Map.Entry::getKey)
                    .findFirst()
                    .orElseThrow();
            var merge = new Merge(tokens.get((int) (best >>> 32)), tokens.get((int) best));
            String joined = merge.left() + merge.right();
            if (!merges.contains(merge)) {
                merges.add(merge);
            }
            if (!tokens.contains(joined)) {
                tokens.add(joined);
            }
            pieces.forEach(piece -> apply(merge, piece));
        }
        return merges;
    }

    private static void apply(Merge merge, List<String> piece) {
        for (int i = 0; i + 1 < piece.size(); i++) {
            if (piece.get(i).equals(merge.left()) && piece.get(i + 1).equals(merge.right())) {
                piece.set(i, merge.left() + merge.right());
                piece.remove(i + 1);
            }
        }
    }

    private static List<String> spell(String piece) {
        var symbols = new ArrayList<String>();
        for (byte b : piece.getBytes(java.nio.charset.StandardCharsets.UTF_8)) {
            symbols.add(String.valueOf(ByteAlphabet.charOf(b)));
        }
        return symbols;
    }

    @Test
    void orderOfTextsDoesNotMatter() {
        var texts = new ArrayList<>(Samples.CORPUS);
        var expected = Samples.tokenizer().model().merges();
        Collections.reverse(texts);
        var reversed = BpeTrainer.ofSize(330).train(texts, BpeTrainer.Progress.NONE);
        assertEquals(expected, reversed.model().merges());
    }

    @Test
    void addedTokensFollowTheVocabularyInOrder() {
        var tokenizer = new BpeTrainer(300, 2, List.of("<|endoftext|>", "<|im_end|>", "<|mask|>"), List.of("<think>"))
                .train(Samples.CORPUS, BpeTrainer.Progress.NONE);
        assertEquals(304, tokenizer.vocabSize());
        assertEquals(List.of(300, 301, 302), List.of(tokenizer.padId(), tokenizer.eosId(), tokenizer.maskId()));
        assertEquals(
                new AddedToken(303, "<think>", false, false),
                tokenizer.addedTokens().getLast());
    }

    @Test
    void progressReachesTheWantedNumberOfMerges() {
        var calls = new ArrayList<Integer>();
        BpeTrainer.ofSize(280).train(Samples.CORPUS, (done, wanted) -> {
            assertEquals(24, wanted);
            calls.add(done);
        });
        assertEquals(24, calls.getLast());
    }

    @Test
    void stopsEarlyWhereNoPairRepeats() {
        var tokenizer = new BpeTrainer(1000, 2, List.of(), List.of()).train(List.of("abab"), BpeTrainer.Progress.NONE);
        assertEquals(List.of(new Merge("a", "b")), tokenizer.model().merges());
        assertEquals(257, tokenizer.vocabSize());
        assertArrayEquals(new int[] {256, 256}, tokenizer.encode("abab"));
    }

    @Test
    void textsWithNothingToMergeGiveTheBytesAlone() {
        for (var texts : List.of(List.<String>of(), List.of(""), List.of("a"), List.of("a b c"), List.of("\uD800"))) {
            var tokenizer =
                    new BpeTrainer(1000, 2, List.of("<|im_end|>"), List.of()).train(texts, BpeTrainer.Progress.NONE);
            assertEquals(257, tokenizer.vocabSize(), texts.toString());
            assertEquals(List.of(), tokenizer.model().merges(), texts.toString());
            assertEquals("größer", tokenizer.decode(tokenizer.encode("größer")));
        }
    }

    /** Both words hold their first pair hundreds of thousands of times. */
    @Test
    void hugeWordsOfFewBytesAreLearnedInSeconds() {
        for (String text : List.of("a".repeat(200_000), "ab".repeat(100_000))) {
            var tokenizer = assertTimeoutPreemptively(
                    Duration.ofSeconds(30),
                    () -> BpeTrainer.ofSize(1000).train(List.of(text), BpeTrainer.Progress.NONE));
            assertTrue(tokenizer.model().merges().size() >= 15, tokenizer.toString());
            assertTrue(tokenizer.encode(text).length < 20);
            assertEquals(text, tokenizer.decode(tokenizer.encode(text)));
        }
    }

    @Test
    void refusesVocabulariesBelowOneTokenPerByte() {
        var e = assertThrows(TokenizerException.class, () -> BpeTrainer.ofSize(255));
        assertTrue(e.getMessage().contains("at least 256"), e.getMessage());
    }
}
