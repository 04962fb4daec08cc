package io.coda4j.diffusion.random;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.HashSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CounterRandomTest {
    private static final CounterRandom RANDOM = new CounterRandom(0x1234_5678_9ABC_DEFFL);

    /** Known answers that the authors of the algorithm published with it. */
    @ParameterizedTest
    @CsvSource({
        "00000000 00000000 00000000 00000000, 00000000 00000000, 6627e8d5 e169c58d bc57ac4c 9b00dbd8",
        "ffffffff ffffffff ffffffff ffffffff, ffffffff ffffffff, 408f276d 41c83b0e a20bc7c6 6d5451fd",
        "243f6a88 85a308d3 13198a2e 03707344, a4093822 299f31d0, d16cfe09 94fdcceb 5001e420 24126ea1"
    })
    void philoxGivesThePublishedKnownAnswers(String counter, String key, String expected) {
        var c = words(counter);
        var k = words(key);
        var out = new int[4];
        Philox.block(c[0], c[1], c[2], c[3], k[0], k[1], out);
        assertArrayEquals(words(expected), out);
    }

    private static int[] words(String hex) {
        return Arrays.stream(hex.trim().split(" "))
                .mapToInt(word -> Integer.parseUnsignedInt(word, 16))
                .toArray();
    }

    @Test
    void fillingARowGivesTheNumbersOfItsAddresses() {
        for (int count : new int[] {0, 1, 3, 4, 5, 17}) {
            var filled = new float[count + 2];
            RANDOM.fillUniform(Purpose.TEST, 7, 3, filled, 1, count);
            for (int i = 0; i < count; i++) {
                assertEquals(RANDOM.uniform(Purpose.TEST, 7, 3, i), filled[1 + i]);
            }
            assertEquals(0, filled[count + 1]);
        }
    }

    @Test
    void normalNumbersHaveTheMomentsOfTheirDistribution() {
        int count = 100_001;
        var values = new float[count + 1];
        RANDOM.fillNormal(Purpose.TEST, 2, 9, values, 1, count);
        assertEquals(0, values[0]);
        double mean = 0;
        double square = 0;
        double fourth = 0;
        double neighbours = 0;
        for (int i = 1; i <= count; i++) {
            double x = values[i];
            mean += x / count;
            square += x * x / count;
            fourth += x * x * x * x / count;
            neighbours += x * values[i - 1] / count;
        }
        // Five standard errors: of the mean 1/sqrt(n), of the square sqrt(2/n), of the fourth power sqrt(96/n).
        assertEquals(0, mean, 5 / Math.sqrt(count));
        assertEquals(1, square, 5 * Math.sqrt(2.0 / count));
        assertEquals(3, fourth, 5 * Math.sqrt(96.0 / count));
        assertEquals(0, neighbours, 5 / Math.sqrt(count));
        // A shorter row begins with the same numbers.
        var shorter = new float[6];
        RANDOM.fillNormal(Purpose.TEST, 2, 9, shorter, 0, 5);
        assertArrayEquals(Arrays.copyOfRange(values, 1, 6), Arrays.copyOf(shorter, 5));
        assertEquals(0, shorter[5]);
    }

    @Test
    void everyPartOfTheAddressMatters() {
        var seen = new HashSet<Float>();
        seen.add(RANDOM.uniform(Purpose.TEST, 1, 1, 1));
        seen.add(RANDOM.uniform(Purpose.MASK, 1, 1, 1));
        seen.add(RANDOM.uniform(Purpose.TEST, 2, 1, 1));
        seen.add(RANDOM.uniform(Purpose.TEST, 1, 2, 1));
        seen.add(RANDOM.uniform(Purpose.TEST, 1, 1, 2));
        seen.add(new CounterRandom(1).uniform(Purpose.TEST, 1, 1, 1));
        seen.add(new CounterRandom(1L << 32).uniform(Purpose.TEST, 1, 1, 1));
        assertEquals(7, seen.size());
        assertNotEquals(RANDOM.uniform(Purpose.TEST, 1, 1, 1), (float) RANDOM.uniformDouble(Purpose.TEST, 1, 1, 1));
    }

    @Test
    void purposesHaveDistinctCodesBelowTheKindBits() {
        var codes = Arrays.stream(Purpose.values()).mapToInt(Purpose::code).toArray();
        assertEquals(codes.length, Arrays.stream(codes).distinct().count());
        assertTrue(Arrays.stream(codes).allMatch(code -> code > 0 && code < 256));
    }

    @Test
    void numbersAreUniform() {
        int draws = 200_000;
        var bins = new int[64];
        double sum = 0;
        for (int i = 0; i < draws; i++) {
            float u = RANDOM.uniform(Purpose.TEST, 0, i / 1000, i % 1000);
            assertTrue(u >= 0 && u < 1);
            bins[(int) (u * 64)]++;
            double d = RANDOM.uniformDouble(Purpose.TEST, 0, i / 1000, i % 1000);
            assertTrue(d > 0 && d < 1);
            sum += d;
        }
        double expected = draws / 64.0;
        double chiSquare = Arrays.stream(bins)
                .mapToDouble(n -> (n - expected) * (n - expected) / expected)
                .sum();
        // 63 degrees of freedom: mean 63, standard deviation 11.2.
        assertTrue(chiSquare > 20 && chiSquare < 120, "chi-square " + chiSquare);
        assertEquals(0.5, sum / draws, 0.004);
    }

    @Test
    void integersCoverTheirRangeEvenly() {
        var counts = new int[5];
        IntStream.range(0, 50_000).forEach(i -> counts[RANDOM.uniformInt(Purpose.TEST, 0, 0, i, -2, 3) + 2]++);
        for (int n : counts) {
            assertEquals(10_000, n, 450);
        }
        assertEquals(9, RANDOM.uniformInt(Purpose.TEST, 0, 0, 0, 9, 10));
        int wide = RANDOM.uniformInt(Purpose.TEST, 0, 0, 0, Integer.MIN_VALUE, Integer.MAX_VALUE);
        assertTrue(wide < Integer.MAX_VALUE);
        assertThrows(IllegalArgumentException.class, () -> RANDOM.uniformInt(Purpose.TEST, 0, 0, 0, 5, 5));
    }
}
