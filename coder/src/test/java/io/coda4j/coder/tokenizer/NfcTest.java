package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.text.Normalizer;
import java.text.Normalizer.Form;
import java.time.Duration;
import java.util.Random;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The same text as the JDK's normaliser gives, which is slow only for long runs of marks. */
final class NfcTest {
    /** Letters that combine with marks, are made of parts, or consist of a letter and marks. */
    private static final int[] LETTERS =
            "aé\u1EA5\uAC00\u1100\u1161>\u0DD9\u09C7\u3048😀".codePoints().toArray();

    private static final Pattern MARK = Pattern.compile("\\p{M}");
    private static final int[] MARKS = IntStream.rangeClosed(0, Character.MAX_CODE_POINT)
            .filter(c -> MARK.matcher(Character.toString(c)).matches())
            .toArray();

    @Test
    void runsOfMarksOfAnyLengthAreNormalizedAsByTheJdk() {
        int changed = 0;
        for (int seed = 0; seed < 1_000; seed++) {
            var text = text(new Random(seed));
            var expected = Normalizer.normalize(text, Form.NFC);
            assertEquals(expected, Nfc.normalize(text), "seed " + seed);
            changed += expected.equals(text) ? 0 : 1;
        }
        assertTrue(changed > 600, changed + " texts that NFC changes");
    }

    /** Up to four letters with up to 200 marks behind each, some of few classes and some of all. */
    private static String text(Random random) {
        var text = new StringBuilder();
        for (int letters = random.nextInt(4); letters >= 0; letters--) {
            text.appendCodePoint(LETTERS[random.nextInt(LETTERS.length)]);
            int rare = random.nextInt(1, 30);
            for (int marks = random.nextInt(200); marks > 0; marks--) {
                boolean any = random.nextInt(rare) == 0;
                text.appendCodePoint(any ? MARKS[random.nextInt(MARKS.length)] : random.nextInt(0x300, 0x346));
            }
        }
        return text.toString();
    }

    @Test
    void hundredsOfThousandsOfMixedMarksTakeSeconds() {
        var mixed = new Random(1)
                .ints(400_000, 0x300, 0x346)
                .collect(() -> new StringBuilder("a"), StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        var made = "\u0F40" + "\u0F73".repeat(200_000);
        for (var text : new String[] {mixed, made}) {
            var normal = assertTimeoutPreemptively(Duration.ofSeconds(30), () -> Nfc.normalize(text));
            assertTrue(Normalizer.isNormalized(normal, Form.NFC));
        }
    }

    @Test
    void textWithoutMarksIsNotCopied() {
        var text = "class Naïve {}";
        assertSame(text, Nfc.normalize(text));
    }
}
