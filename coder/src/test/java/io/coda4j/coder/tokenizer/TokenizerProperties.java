package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

final class TokenizerProperties {
    private static final BpeTokenizer TOKENIZER = Samples.tokenizer();

    @Provide
    Arbitrary<String> mixedTexts() {
        return Arbitraries.oneOf(
                Arbitraries.strings().ofMaxLength(60),
                Arbitraries.longs().map(seed -> Samples.randomText(new Random(seed))));
    }

    @Provide
    Arbitrary<List<Integer>> ids() {
        return Arbitraries.integers()
                .between(0, TOKENIZER.vocabSize() - 1)
                .list()
                .ofMaxSize(30);
    }

    @Property(tries = 500)
    void decodingGivesBackTheText(@ForAll("mixedTexts") String text) {
        // Without added tokens NFC applies to the whole text; with them, to the stretches between.
        String wellFormed = TextSplitter.wellFormed(text);
        String nfc = Normalizer.normalize(wellFormed, Normalizer.Form.NFC);
        assertEquals(nfc, TOKENIZER.decode(TOKENIZER.encode(wellFormed, false)));
    }

    @Property(tries = 500)
    void piecesCoverTheTextWithoutGaps(@ForAll("mixedTexts") String text) {
        var splitter = TextSplitter.of(TextSplitter.QWEN2, false);
        var joined = new StringBuilder();
        splitter.forEachPiece(text, (start, end) -> {
            assertEquals(joined.length(), start);
            joined.append(text, start, end);
        });
        assertEquals(text, joined.toString());
    }

    @Property(tries = 500)
    void streamedTextIsTheDecodedText(@ForAll("ids") List<Integer> ids, @ForAll boolean skipSpecial) {
        int[] array = ids.stream().mapToInt(i -> i).toArray();
        var decoder = TOKENIZER.streamingDecoder(skipSpecial);
        var streamed = new StringBuilder();
        for (int id : array) {
            streamed.append(decoder.accept(id));
        }
        assertEquals(
                TOKENIZER.decode(array, skipSpecial),
                streamed.append(decoder.finish()).toString());
    }

    @Property(tries = 500)
    void streamingOfEncodedTextNeverShowsAReplacement(@ForAll("mixedTexts") String text) {
        String wellFormed = TextSplitter.wellFormed(text).replace("\uFFFD", "");
        var decoder = TOKENIZER.streamingDecoder(false);
        for (int id : TOKENIZER.encode(wellFormed)) {
            String chunk = decoder.accept(id);
            assertEquals(-1, chunk.indexOf(0xFFFD));
            assertEquals(TextSplitter.wellFormed(chunk), chunk, "half a surrogate pair");
        }
        assertEquals("", decoder.finish());
    }

    @Property(tries = 300)
    void validUtf8InAnyPortionsIsDecodedAsTheJdkDoes(@ForAll("mixedTexts") String text) {
        byte[] bytes = TextSplitter.wellFormed(text).getBytes(StandardCharsets.UTF_8);
        var out = new StringBuilder();
        var assembler = new Utf8Assembler();
        for (byte b : bytes) {
            assembler.accept(b, out);
        }
        assembler.finish(out);
        assertEquals(new String(bytes, StandardCharsets.UTF_8), out.toString());
    }

    @Property(tries = 200)
    void encodingTwiceGivesTheSameIds(@ForAll("mixedTexts") String text) {
        assertArrayEquals(TOKENIZER.encode(text), TOKENIZER.encode(text));
        assertArrayEquals(TOKENIZER.encode(text), Samples.tokenizer().encode(text), "cold cache");
    }

    @Property(tries = 200)
    void charOffsetsAreThePrefixLengths(@ForAll("mixedTexts") String text) {
        int[] ids = TOKENIZER.encode(text);
        int[] offsets = TOKENIZER.charOffsets(ids);
        String decoded = TOKENIZER.decode(ids);
        int byteCount = 0;
        for (int i = 0; i < ids.length; i++) {
            int at = byteCount;
            long before = Stream.of(decoded)
                    .mapToLong(s -> charsStartingBefore(s, at))
                    .sum();
            assertEquals(before, offsets[i]);
            byteCount += TOKENIZER.tokenBytes(ids[i]).length;
        }
    }

    /** Returns the index of the code point that contains byte {@code at} of the UTF-8 form of {@code text}. */
    private static int charsStartingBefore(String text, int at) {
        int bytes = 0;
        int chars = 0;
        while (chars < text.length()) {
            int codePoint = text.codePointAt(chars);
            bytes += Character.toString(codePoint).getBytes(StandardCharsets.UTF_8).length;
            if (bytes > at) {
                break;
            }
            chars += Character.charCount(codePoint);
        }
        return chars;
    }
}
