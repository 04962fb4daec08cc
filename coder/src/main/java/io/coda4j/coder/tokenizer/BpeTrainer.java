package io.coda4j.coder.tokenizer;

import io.coda4j.coder.tokenizer.BpeModel.Merge;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;

/**
 * Learns a byte-level BPE from texts: start from the 256 bytes and, again and again, merge the most frequent pair of
 * neighbours into a new token.
 *
 * <p>Texts are split into pieces as Qwen2 does, and equal pieces are counted once with their frequency, so the work
 * depends on the number of different words. The result depends only on the texts: among equally frequent pairs the one
 * with the smaller left id, then the smaller right id, wins. Merging stops early where no pair occurs
 * {@code minimumCount} times.
 *
 * @param vocabularySize byte tokens plus merged tokens, without the added ones
 * @param minimumCount least number of occurrences for a pair to be merged
 * @param specialTokens added tokens that decoding may skip; they get the ids behind the vocabulary
 * @param plainTokens added tokens that decoding keeps; they come behind the special ones
 */
public record BpeTrainer(int vocabularySize, int minimumCount, List<String> specialTokens, List<String> plainTokens) {
    /** Hears after every merge how many of the wanted ones are done. */
    @FunctionalInterface
    public interface Progress {
        /** Does nothing. */
        Progress NONE = (_, _) -> {};

        void merged(int done, int wanted);
    }

    public BpeTrainer {
        if (vocabularySize < 256) {
            throw new TokenizerException(
                    "The vocabulary size must be at least 256 (one token per byte), not " + vocabularySize);
        }
        if (minimumCount < 1) {
            throw new TokenizerException("The minimum count must be at least 1, not " + minimumCount);
        }
        specialTokens = List.copyOf(specialTokens);
        plainTokens = List.copyOf(plainTokens);
    }

    /** Returns a trainer with the added tokens that the small models here use, under CoDA's names. */
    public static BpeTrainer ofSize(int vocabularySize) {
        var roles = TokenRoles.CODA;
        return new BpeTrainer(
                vocabularySize,
                2,
                List.of(roles.pad(), "<|im_start|>", roles.eos(), roles.mask()),
                List.of("<think>", "</think>"));
    }

    /** Learns from {@code texts}, on the calling thread. */
    public BpeTokenizer train(Iterable<String> texts, Progress progress) {
        var splitter = TextSplitter.of(TextSplitter.QWEN2, true);
        var tokens = new ArrayList<>(List.of(ByteAlphabet.tokensInOrder()));
        var ids = new HashMap<String, Integer>();
        for (String token : tokens) {
            ids.put(token, ids.size());
        }
        var counts = new PairCounts(words(texts, splitter, ids));
        // A set: once two pairs spell one token, a pair with that token can come up a second time.
        var merges = new LinkedHashSet<Merge>();
        while (tokens.size() < vocabularySize) {
            var best = counts.removeBest();
            if (best == null || best.count() < minimumCount) {
                break;
            }
            var merge = new Merge(tokens.get(best.left()), tokens.get(best.right()));
            // Two pairs can spell the same token (ab+c, a+bc): the later one reuses its id.
            Integer known = ids.putIfAbsent(merge.left() + merge.right(), tokens.size());
            if (known == null) {
                tokens.add(merge.left() + merge.right());
            }
            merges.add(merge);
            counts.merge(best, known == null ? tokens.size() - 1 : known);
            progress.merged(tokens.size() - 256, vocabularySize - 256);
        }
        return tokenizer(ids, merges, splitter);
    }

    private BpeTokenizer tokenizer(Map<String, Integer> ids, Collection<Merge> merges, TextSplitter splitter) {
        var added = new ArrayList<AddedToken>();
        specialTokens.forEach(t -> added.add(AddedToken.raw(ids.size() + added.size(), t, true)));
        plainTokens.forEach(t -> added.add(AddedToken.raw(ids.size() + added.size(), t, false)));
        try {
            return new BpeTokenizer(new BpeModel(ids, List.copyOf(merges)), splitter, added, TokenRoles.CODA);
        } catch (BpeModel.Invalid e) {
            throw new AssertionError("training made an inconsistent model", e);
        }
    }

    /** Counts the pieces of the texts and spells each in byte tokens, in an order that only depends on the pieces. */
    private static List<PairCounts.Word> words(
            Iterable<String> texts, TextSplitter splitter, Map<String, Integer> byteIds) {
        var pieces = new HashMap<String, Integer>();
        for (String text : texts) {
            String normal = splitter.normalize(TextSplitter.wellFormed(text));
            splitter.forEachPiece(
                    normal, (start, end) -> pieces.merge(normal.substring(start, end), 1, Math::addExact));
        }
        return pieces.entrySet().stream()
                .sorted(Comparator.comparing(Map.Entry::getKey))
                .map(e -> new PairCounts.Word(PairCounts.spell(e.getKey(), byteIds), e.getValue()))
                .toList();
    }
}
