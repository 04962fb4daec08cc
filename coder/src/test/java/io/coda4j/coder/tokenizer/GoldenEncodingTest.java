package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Recorded encodings of the reference tokenizer, reproduced without exception. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class GoldenEncodingTest {
    private BpeTokenizer coda;

    @BeforeAll
    void readCoda() {
        coda = TokenizerJson.read(SharedTokenizerData.tokenizer("coda"));
    }

    @Test
    void codaFolderHasTheSpecifiedSizeAndRoles() {
        assertEquals(151_670, coda.vocabSize());
        assertEquals(27, coda.addedTokens().size());
        assertEquals(List.of(151_643, 151_645, 151_669), List.of(coda.padId(), coda.eosId(), coda.maskId()));
        assertEquals(872, coda.tokenId("user").orElseThrow());
        assertTrue(coda.isSpecial(151_669));
        assertFalse(coda.isSpecial(151_667), "<think> survives skipping of special tokens");
    }

    @Test
    void everyRecordedEncodingAndDecodingIsReproduced() {
        int rows = check(SharedTokenizerData.tokenizer("golden/encode-golden.jsonl"), coda);
        assertTrue(rows > 900, "only " + rows + " rows");
    }

    @Test
    void smallTokenizerMatchesInBothMergeEncodings() {
        Path golden = SharedTokenizerData.tokenizer("small/golden.jsonl");
        for (String name : List.of("tokenizer.json", "tokenizer-string-merges.json")) {
            var small = TokenizerJson.read(SharedTokenizerData.tokenizer("small/" + name));
            assertEquals(1006, small.vocabSize());
            assertEquals(500, check(golden, small));
        }
    }

    @Test
    void chatTemplateTextsEncodeAsRecorded() throws IOException {
        var golden = new JsonMapper()
                .readTree(Files.readString(SharedTokenizerData.tokenizer("golden/chat-template-golden.json")));
        int checked = 0;
        for (JsonNode row : golden.get("cases")) {
            if (row.get("rendered").isString()) {
                checked++;
                assertArrayEquals(
                        ints(row.get("ids")), coda.encode(row.get("rendered").stringValue()));
            }
        }
        assertTrue(checked >= 24, "only " + checked + " cases");
    }

    @Test
    void llamaCppVectorsOfQwen2AreReproduced() throws IOException {
        String[] texts = Files.readString(SharedTokenizerData.tokenizer("qwen2-vectors/ggml-vocab-qwen2.gguf.inp"))
                .split("\n__ggml_vocab_test__\n", -1);
        var ids = Files.readAllLines(SharedTokenizerData.tokenizer("qwen2-vectors/ggml-vocab-qwen2.gguf.out"));
        int checked = 0;
        for (int i = 0; i < ids.size(); i++, checked++) {
            assertArrayEquals(ints(ids.get(i)), coda.encode(texts[i]), "vector " + i);
        }
        assertTrue(checked >= 46, "only " + checked + " vectors");
    }

    @Test
    void tableOfTheSpecificationIsReproduced() {
        check("Hello, world!", "9707 11 1879 0");
        check("def add(a, b):\n    return a + b\n", "750 912 2877 11 293 982 262 470 264 488 293 198");
        check("x = 12345", "87 284 220 16 17 18 19 20");
        check("  leading  spaces\t\ttabs\r\n\r\n", "220 6388 220 12621 197 3244 3435 871");
        check("Café naïve — 日本語 😀", "34 2577 963 94880 586 1959 75402 21894 102819 90316");
        check("I'm can't WE'LL", "40 2776 646 944 19677 6 4086");
        check("e\u0301", "963");
        check(
                "<|im_start|>user\nWrite a quick sort algorithm.<|im_end|>\n<|im_start|>assistant\n",
                "151644 872 198 7985 264 3974 3378 12111 13 151645 198 151644 77091 198");
        check("<|im_start|>assistant\n<think>\n\n</think>\n\n", "151644 77091 198 151667 271 151668 271");
        check("```python\n", "73594 12669 198");
        check("Here is the completed function:\n```python\n", "8420 374 279 8145 729 510 73594 12669 198");
        check(
                "Write a solution to the following problem and make sure that it passes the tests:\n```",
                "7985 264 6291 311 279 2701 3491 323 1281 2704 429 432 16211 279 7032 510 73594");
        check("<|mask|><|mask|>x<|endoftext|>", "151669 151669 87 151643");
        check("你好，世界！编程", "108386 3837 99489 6313 110569");
    }

    private void check(String text, String ids) {
        assertArrayEquals(ints(ids), coda.encode(text), text);
        assertEquals(Normalizer.normalize(text, Normalizer.Form.NFC), coda.decode(ints(ids)));
    }

    private static int check(Path file, BpeTokenizer tokenizer) {
        var mapper = new JsonMapper();
        int rows = 0;
        try {
            for (String line : Files.readAllLines(file)) {
                JsonNode row = mapper.readTree(line);
                String text = row.get("text").stringValue();
                int[] ids = ints(row.get("ids"));
                assertArrayEquals(ids, tokenizer.encode(text), text);
                String decoded = row.get("decoded").stringValue(text);
                assertEquals(decoded, tokenizer.decode(ids));
                JsonNode skipped = row.get("decoded_skip");
                assertEquals(
                        skipped == null ? tokenizer.decode(ids, true) : skipped.stringValue(decoded),
                        tokenizer.decode(ids, true));
                rows++;
            }
        } catch (IOException e) {
            throw new AssertionError(file.toString(), e);
        }
        return rows;
    }

    private static int[] ints(JsonNode array) {
        return array.valueStream().mapToInt(JsonNode::intValue).toArray();
    }

    private static int[] ints(String spaced) {
        return Arrays.stream(spaced.trim().split("\\s+"))
                .filter(s -> !s.isEmpty())
                .mapToInt(Integer::parseInt)
                .toArray();
    }
}
