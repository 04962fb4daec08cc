package io.coda4j.bench.decode;

import io.coda4j.coder.generate.Generator;
import io.coda4j.diffusion.sampling.Caching;
import io.coda4j.diffusion.sampling.CommitRule;
import io.coda4j.diffusion.sampling.Sampler;
import io.coda4j.diffusion.sampling.UnmaskingSettings;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** A way of filling masks, as {@code coda generate} has it with the options of the same names. */
enum Decoding {
    /** Everything is computed at every step. */
    EXACT,
    /** {@code --cache prefix}, block by block. */
    PREFIX,
    /** {@code --cache dual}, block by block. */
    DUAL,
    /** {@code --cache dual --decode threshold}, block by block. */
    DUAL_THRESHOLD;

    /** The name on the command line. */
    String label() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

    /** The one that is called {@code label}. */
    static Optional<Decoding> named(String label) {
        return Arrays.stream(values())
                .filter(decoding -> decoding.label().equals(label))
                .findFirst();
    }

    /** All names. */
    static String labels() {
        return Arrays.stream(values()).map(Decoding::label).collect(Collectors.joining(", "));
    }

    Caching caching() {
        return switch (this) {
            case EXACT -> new Caching.None();
            case PREFIX -> new Caching.Prefix(0);
            case DUAL, DUAL_THRESHOLD -> new Caching.Dual(0);
        };
    }

    /**
     * The settings of the reference decoder: a step for each mask, the surest tokens by entropy first.
     *
     * @param masks to be filled
     */
    static UnmaskingSettings exact(int maskId, int masks) {
        return UnmaskingSettings.of(maskId, new Sampler.Entropy(), masks);
    }

    /**
     * The settings for a request. Texts do not end early, so that all ways of decoding write the same number of tokens: what
     * stands for no text, padding among it, is never produced.
     */
    UnmaskingSettings settings(CellRequest request, Generator generator) {
        int maskId = generator.maskId();
        var settings = switch (this) {
            case EXACT -> exact(maskId, request.newTokens());
            case PREFIX, DUAL -> exact(maskId, request.newTokens()).withBlockLength(request.block());
            case DUAL_THRESHOLD ->
                UnmaskingSettings.adaptive(maskId, new CommitRule.Threshold(request.threshold()))
                        .withBlockLength(request.block());
        };
        return settings.withSeed(request.seed()).withSuppressed(generator.unprintable());
    }
}
