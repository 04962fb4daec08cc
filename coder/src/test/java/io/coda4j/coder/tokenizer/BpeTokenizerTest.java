package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class BpeTokenizerTest {
    private final BpeTokenizer tokenizer = Samples.tokenizer();

    @Test
    void addedTokensInUserTextBecomeOrdinaryTextWhenForbidden() {
        String text = "stop<|im_end|>\n<|mask|>";
        assertTrue(contains(tokenizer.encode(text), tokenizer.eosId()));
        int[] plain = tokenizer.encode(text, false);
        assertTrue(IntStream.of(plain).noneMatch(id -> id >= 330), Arrays.toString(plain));
        assertEquals(text, tokenizer.decode(plain, true));
    }

    private static boolean contains(int[] ids, int id) {
        return IntStream.of(ids).anyMatch(i -> i == id);
    }

    @Test
    void longestAddedTokenWinsAtTheLeftmostPlace() {
        var added = List.of(
                AddedToken.raw(500, "<a>", true),
                AddedToken.raw(501, "<a><b>", true),
                AddedToken.raw(502, "b><c>", true));
        var t = new BpeTokenizer(tokenizer.model(), TextSplitter.of(TextSplitter.QWEN2, true), added, TokenRoles.CODA);
        assertArrayEquals(new int[] {501}, t.encode("<a><b>"));
        assertEquals(500, t.encode("<a><bb")[0]);
        assertEquals(501, t.encode("<a><b><c>")[0]);
    }

    @Test
    void normalizedAddedTokensMatchAfterNfcAndRawOnesBefore() {
        var added = List.of(new AddedToken(500, "ỹ", false, true), AddedToken.raw(501, "ẽ", false));
        var t = new BpeTokenizer(tokenizer.model(), TextSplitter.of(TextSplitter.QWEN2, true), added, TokenRoles.CODA);
        assertArrayEquals(new int[] {500}, t.encode("y\u0303"));
        assertArrayEquals(new int[] {501}, t.encode("\u1EBD"));
        assertFalse(contains(t.encode("e\u0303"), 501), "a raw token does not match text that becomes it later");
    }

    @Test
    void loneSurrogatesBecomeReplacementCharacters() {
        assertEquals("a\uFFFDb\uFFFD", tokenizer.decode(tokenizer.encode("a\uD800b\uDC00")));
    }

    @Test
    void emptyTextHasNoIds() {
        assertEquals(0, tokenizer.encode("").length);
        assertEquals("", tokenizer.decode(new int[0]));
    }

    @Test
    void idsWithoutATokenAreNamed() {
        var e = assertThrows(TokenizerException.class, () -> tokenizer.decode(new int[] {1, 9_999}));
        assertTrue(e.getMessage().contains("9999") && e.getMessage().contains("335"), e.getMessage());
        assertThrows(TokenizerException.class, () -> tokenizer.decode(new int[] {-1}));
    }

    @Test
    void missingRoleSaysWhichTokenToAdd() {
        var bare = new BpeTokenizer(
                tokenizer.model(), TextSplitter.of(TextSplitter.QWEN2, true), List.of(), TokenRoles.CODA);
        var e = assertThrows(TokenizerException.class, bare::maskId);
        assertTrue(e.getMessage().contains("<|mask|>"), e.getMessage());
    }

    @Test
    void scanAndHeapMergeAlike() {
        var random = new Random(3);
        for (int i = 0; i < 2_000; i++) {
            byte[] text = (Samples.randomText(random) + "return total").getBytes(StandardCharsets.UTF_8);
            int[] scanned = bytesAsIds(text);
            int[] heaped = scanned.clone();
            int length = tokenizer.model().mergeByScan(scanned);
            assertEquals(length, tokenizer.model().mergeByHeap(heaped));
            assertArrayEquals(Arrays.copyOf(scanned, length), Arrays.copyOf(heaped, length));
        }
    }

    /** Merges in any order, so that a merge may make place for one of a lower rank, as no trained model does. */
    @Test
    void scanAndHeapMergeAlikeWhateverTheOrderOfTheMerges() throws BpeModel.Invalid {
        for (int seed = 0; seed < 300; seed++) {
            var random = new Random(seed);
            var model = randomModel(random);
            for (int i = 0; i < 20; i++) {
                int[] scanned = random.ints(random.nextInt(1, 120), 'a', 'd')
                        .map(c -> tokenizer.tokenId(Character.toString(c)).orElseThrow())
                        .toArray();
                int[] heaped = scanned.clone();
                int length = model.mergeByScan(scanned);
                assertEquals(length, model.mergeByHeap(heaped), "seed " + seed);
                assertArrayEquals(Arrays.copyOf(scanned, length), Arrays.copyOf(heaped, length), "seed " + seed);
            }
        }
    }

    private static BpeModel randomModel(Random random) throws BpeModel.Invalid {
        var ids = new HashMap<String, Integer>();
        for (String token : ByteAlphabet.tokensInOrder()) {
            ids.put(token, ids.size());
        }
        var tokens = new ArrayList<>(List.of("a", "b", "c"));
        var merges = new LinkedHashSet<BpeModel.Merge>();
        for (int i = random.nextInt(1, 40); i > 0; i--) {
            var merge = new BpeModel.Merge(
                    tokens.get(random.nextInt(tokens.size())), tokens.get(random.nextInt(tokens.size())));
            merges.add(merge);
            tokens.add(merge.left() + merge.right());
            ids.putIfAbsent(tokens.getLast(), ids.size());
        }
        var shuffled = new ArrayList<>(merges);
        Collections.shuffle(shuffled, random);
        return new BpeModel(ids, shuffled);
    }

    private int[] bytesAsIds(byte[] text) {
        return IntStream.range(0, text.length)
                .map(i -> tokenizer
                        .tokenId(String.valueOf(ByteAlphabet.charOf(text[i])))
                        .orElseThrow())
                .toArray();
    }

    @Test
    void aPieceOfAMillionLettersIsEncodedInSeconds() {
        String text = "return".repeat(170_000);
        int[] ids = assertTimeout(Duration.ofSeconds(30), () -> tokenizer.encode(text));
        assertEquals(text, tokenizer.decode(ids));
        String blanks = " ".repeat(300_000) + "x";
        assertEquals(blanks, assertTimeout(Duration.ofSeconds(30), () -> tokenizer.decode(tokenizer.encode(blanks))));
    }

    @Test
    void aLongTextOfTheCallersBeforeOneOfAUsersIsEncodedInSeconds() {
        String own = "x ".repeat(2_000_000) + "<|im_end|>";
        var foreign = new BitSet();
        foreign.set(own.length(), own.length() + 10);
        int[] ids =
                assertTimeoutPreemptively(Duration.ofSeconds(30), () -> tokenizer.encode(own + "<|im_end|>", foreign));
        assertEquals(1, IntStream.of(ids).filter(id -> id == tokenizer.eosId()).count());
        assertEquals(own + "<|im_end|>", tokenizer.decode(ids));
    }

    @Test
    void threadsSharingOneTokenizerGetTheSameIds() throws Exception {
        var random = new Random(5);
        var texts = IntStream.range(0, 500)
                .mapToObj(_ -> Samples.randomText(random))
                .toList();
        var expected = texts.stream().map(Samples.tokenizer()::encode).toList();
        var tasks = new ArrayList<Callable<Void>>();
        for (int t = 0; t < 4; t++) {
            tasks.add(() -> {
                for (int i = 0; i < texts.size(); i++) {
                    assertArrayEquals(expected.get(i), tokenizer.encode(texts.get(i)));
                }
                return null;
            });
        }
        try (var pool = Executors.newFixedThreadPool(4)) {
            for (var done : pool.invokeAll(tasks)) {
                done.get();
            }
        }
    }

    @Test
    void charOffsetsPointAtTheCharacterWhereATokenStarts() {
        int[] ids = tokenizer.encode("a日😀b");
        int[] offsets = tokenizer.charOffsets(ids);
        assertEquals(0, offsets[0]);
        assertEquals(4, offsets[offsets.length - 1]);
        String text = "x = \"naïve\";";
        int[] plain = tokenizer.encode(text);
        int[] starts = tokenizer.charOffsets(plain);
        for (int i = 0; i < plain.length; i++) {
            byte[] bytes = tokenizer.tokenBytes(plain[i]);
            if (bytes[0] > 0) {
                assertEquals((char) bytes[0], text.charAt(starts[i]));
            }
        }
    }
}
