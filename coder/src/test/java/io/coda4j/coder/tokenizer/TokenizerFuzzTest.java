package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.chat.ChatTemplate;
import io.coda4j.coder.chat.Ending;
import io.coda4j.coder.chat.Message;
import io.coda4j.coder.chat.Role;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Ten thousand texts that nobody would write: nothing fails, and valid text comes back as it was. */
class TokenizerFuzzTest {
    private static final int CASES = 10_000;
    private static final BpeTokenizer TOKENIZER = Samples.tokenizer();
    private static final String[] CONTROL = {
        "<|im_start|>", "<|im_end|>", "<|mask|>", "<|endoftext|>", "<think>", "</think>", "<|im_", "end|>", "|>", "<|",
    };
    private static final String BLANKS = " \t\n\r\u00A0\u3000\u2028\u2029\u200B\u0085\u000B\f\u1680";

    private static String text(int seed) {
        var random = new Random(seed);
        return switch (seed % 5) {
            case 0 -> bytes(random);
            case 1 -> surrogates(random);
            case 2 -> blanks(random);
            case 3 -> nested(random, 4);
            default -> Samples.randomText(random);
        };
    }

    private static String bytes(Random random) {
        var bytes = new byte[random.nextInt(60)];
        random.nextBytes(bytes);
        return new String(bytes, random.nextBoolean() ? StandardCharsets.UTF_8 : StandardCharsets.ISO_8859_1);
    }

    private static String surrogates(Random random) {
        var text = new StringBuilder();
        for (int i = random.nextInt(40); i > 0; i--) {
            text.append((char) (random.nextInt(3) == 0 ? 'a' : 0xD800 + random.nextInt(0x800)));
        }
        return text.toString();
    }

    private static String blanks(Random random) {
        var text = new StringBuilder();
        for (int i = random.nextInt(4); i >= 0; i--) {
            char blank = BLANKS.charAt(random.nextInt(BLANKS.length()));
            // A few runs are huge.
            text.append(String.valueOf(blank).repeat(random.nextInt(400) == 0 ? 50_000 : random.nextInt(30)));
            text.append(random.nextInt(3) == 0 ? "x" : "");
        }
        return text.toString();
    }

    private static String nested(Random random, int depth) {
        var token = CONTROL[random.nextInt(CONTROL.length)];
        int at = random.nextInt(token.length() + 1);
        var inner = depth == 0 ? "" : nested(random, depth - 1);
        return token.substring(0, at) + inner + token.substring(at) + (random.nextBoolean() ? " a\n" : "");
    }

    @Test
    void everyTextIsEncodedAndDecodedWithoutLoss() {
        int valid = 0;
        for (int seed = 0; seed < CASES; seed++) {
            var text = text(seed);
            // What can be written in UTF-8, in NFC: every part of such a text is in NFC as well.
            var wellFormed = Normalizer.normalize(TextSplitter.wellFormed(text), Normalizer.Form.NFC);
            valid += wellFormed.equals(text) ? 1 : 0;
            for (boolean allowAddedTokens : new boolean[] {false, true}) {
                var about = "seed " + seed;
                assertEquals(wellFormed, TOKENIZER.decode(TOKENIZER.encode(wellFormed, allowAddedTokens)), about);
                var ids = TOKENIZER.encode(text, allowAddedTokens);
                assertEquals(TOKENIZER.decode(ids), streamed(ids), about);
            }
        }
        assertTrue(valid > CASES / 2, valid + " valid texts");
    }

    @Test
    void everyTextIsAMessageThatEndsOnce() {
        for (int seed = 0; seed < CASES; seed++) {
            var messages = new ArrayList<Message>();
            for (int i = 0; i <= seed % 3; i++) {
                messages.add(Message.of(Role.values()[(seed + i) % 4], text(seed + i)));
            }
            var ids = ChatTemplate.encode(TOKENIZER, messages, List.of(), Ending.NONE, false);
            var ends = java.util.Arrays.stream(ids)
                    .filter(id -> id == TOKENIZER.eosId())
                    .count();
            var starts = java.util.Arrays.stream(ids)
                    .filter(id -> id == TOKENIZER.tokenId("<|im_start|>").orElseThrow())
                    .count();
            assertEquals(starts, ends, "seed " + seed);
            assertTrue(starts >= 1 && starts <= messages.size(), "seed " + seed);
            ChatTemplate.encode(TOKENIZER, messages, List.of(), Ending.ANSWER, true);
        }
    }

    private static String streamed(int[] ids) {
        var decoder = TOKENIZER.streamingDecoder(false);
        var text = new StringBuilder();
        for (int id : ids) {
            var piece = decoder.accept(id);
            assertEquals(TextSplitter.wellFormed(piece), piece, "half a code point");
            text.append(piece);
        }
        return text.append(decoder.finish()).toString();
    }
}
