package io.coda4j.diffusion;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.diffusion.random.CounterRandom;
import io.coda4j.diffusion.random.Purpose;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;

/** The linear-time dilations against the definition: a position is masked if a picked window covers it. */
class ForwardProcessProperties {
    private static final int MASK = 1000;

    @Property(tries = 300)
    void legacyEqualsTheUnionOfWholeWindows(
            @ForAll @Size(min = 1, max = 40) boolean[] given,
            @ForAll @IntRange(min = 2, max = 6) int k,
            @ForAll long seed) {
        int length = given.length;
        var draws = new CounterDraws(new CounterRandom(seed), 0, 0, 1);
        var batch = batch(MaskingForm.LEGACY, given, k, draws);
        var expected = new boolean[length];
        int windows = length - k + 1;
        if (windows > 0) {
            var u = draws.uniform(Purpose.MASK, 1, windows);
            float pick = ForwardProcess.pickProbability(batch.sigma()[0], k);
            for (int w = 0; w < windows; w++) {
                boolean isWhole = true;
                for (int i = w; i < w + k; i++) {
                    isWhole &= !given[i];
                }
                for (int i = w; i < w + k && isWhole && u[w] < pick; i++) {
                    expected[i] = true;
                }
            }
        }
        assertArrayEquals(expected, batch.masked());
    }

    @Property(tries = 300)
    void fixedEqualsTheUnionOfClippedWindows(
            @ForAll @Size(min = 1, max = 40) boolean[] given,
            @ForAll @IntRange(min = 2, max = 60) int k,
            @ForAll long seed) {
        int length = given.length;
        var draws = new CounterDraws(new CounterRandom(seed), 0, 0, 1);
        var batch = batch(MaskingForm.FIXED, given, k, draws);
        var expected = new boolean[length];
        var u = draws.uniform(Purpose.MASK, 1, length + k - 1);
        float pick = ForwardProcess.pickProbability(batch.sigma()[0], k);
        for (int w = 0; w < u.length; w++) {
            for (int i = w - k + 1; i <= w && u[w] < pick; i++) {
                if (i >= 0 && i < length && !given[i]) {
                    expected[i] = true;
                }
            }
        }
        assertArrayEquals(expected, batch.masked());
    }

    @Property(tries = 200)
    void maskedPositionsHoldTheMaskAndAllOthersTheirToken(
            @ForAll @Size(min = 2, max = 30) boolean[] given, @ForAll MaskingForm form, @ForAll long seed) {
        var batch = batch(form, given, 3, new CounterDraws(new CounterRandom(seed), 0, 0, 1));
        for (int i = 0; i < given.length; i++) {
            assertEquals(batch.masked()[i] ? MASK : i, batch.noisyIds()[i]);
            assertEquals(!given[i], batch.maskable()[i]);
            assertEquals(false, batch.masked()[i] && given[i]);
            assertEquals(i, batch.targets()[i]);
        }
    }

    private static NoisedBatch batch(MaskingForm form, boolean[] given, int k, NoiseDraws draws) {
        var ids = new int[given.length];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = i;
        }
        var process = new ForwardProcess(MASK, MASK + 1, form, NoiseLevels.INDEPENDENT);
        return process.apply(ids, 1, given.length, given, new MaskingSetting(0, 0, 1, List.of(k), 1e-3), draws);
    }
}
