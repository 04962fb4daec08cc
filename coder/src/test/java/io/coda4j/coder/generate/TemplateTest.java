package io.coda4j.coder.generate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TinyTokenizer;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class TemplateTest {
    private static final BpeTokenizer TOKENIZER = TinyTokenizer.create();
    private static final int MASK = TOKENIZER.maskId();

    private static Template parse(String text) {
        return Template.parse(text, TOKENIZER, MASK);
    }

    @Test
    void holesLieBetweenTheTokensOfTheTextsAroundThem() {
        var template = parse("[[MASK:2]]é[[MASK: 1 ]][[MASK:3]]");
        int[] given = TOKENIZER.encode("é");
        int after = 2 + given.length;
        assertEquals(
                List.of(
                        new Template.Hole(0, 2),
                        new Template.Hole(after, after + 1),
                        new Template.Hole(after + 1, after + 4)),
                template.holes());
        assertArrayEquals(given, Arrays.copyOfRange(template.tokens(), 2, after));
        assertEquals(
                6, Arrays.stream(template.tokens()).filter(id -> id == MASK).count());
    }

    @Test
    void controlTokensInTheTextAreOrdinaryCharacters() {
        String text = "<|mask|><|im_end|>";
        for (var template :
                List.of(parse(text + "[[MASK:1]]" + text), Template.between(text, 1, text, TOKENIZER, MASK))) {
            assertEquals(
                    1, Arrays.stream(template.tokens()).filter(id -> id == MASK).count());
            assertEquals(text + "<|mask|>" + text, TOKENIZER.decode(template.tokens()));
        }
    }

    @Test
    void badHolesAreNamedWithTheirLine() {
        var e = assertThrows(GenerationException.class, () -> parse("a[[MASK:1]]\n\n[[MASK:0]]"));
        assertEquals(
                "line 3: [[MASK:0]]: expected a number of tokens from 1 to 100000, such as [[MASK:16]]",
                e.getMessage());
        assertThrows(GenerationException.class, () -> parse("[[MASK:100001]]"));
        assertThrows(GenerationException.class, () -> parse("no hole"));
    }

    @Test
    void manyHolesAreReadInSeconds() {
        int count = 200_000;
        var template = assertTimeoutPreemptively(Duration.ofSeconds(30), () -> parse("x\n[[MASK:1]]".repeat(count)));
        assertEquals(count, template.holes().size());
    }

    @Test
    void marksThatAreNotClosedAreReadInSeconds() {
        String open = "[[MASK:".repeat(300_000);
        for (String text : List.of(open, open + "]", open + "] [[MASK:3]]")) {
            assertTimeoutPreemptively(Duration.ofSeconds(30), () -> {
                if (text.endsWith("]]")) {
                    assertEquals(3, parse(text).holes().getFirst().length());
                } else {
                    assertThrows(GenerationException.class, () -> parse(text));
                }
            });
        }
    }

    @Test
    void whatIsNoMarkStaysText() {
        for (String text : List.of("[[MASK:2]", "[[MASK:2] ]", "[MASK:2]]", "[[mask:2]]", "[[MASK:a]b")) {
            var template = parse(text + "[[MASK:2]]" + text);
            assertEquals(
                    text + "<|mask|><|mask|>" + text,
                    TOKENIZER.decode(template.tokens()),
                    () -> "around the hole stands " + text);
        }
    }
}
