package io.coda4j.diffusion.sampling;

import java.util.List;

/** How the positions to be committed at a step are chosen. */
public sealed interface Sampler {
    /** All samplers, in the order of their documentation. */
    List<Sampler> ALL = List.of(new Origin(), new MaskGitPlus(), new TopKMargin(), new Entropy());

    /** The name on the command line and in requests. */
    String label();

    /** Every masked position is committed with the same probability, independently of the model's confidence. */
    record Origin() implements Sampler {
        @Override
        public String label() {
            return "origin";
        }
    }

    /** The positions with the highest confidence are committed first. */
    sealed interface ByConfidence extends Sampler {

        /** Confidence in {@code token} at a position with this distribution; higher is committed earlier. */
        float confidence(TokenDistribution distribution, int token);
    }

    /** Confidence is the probability of the chosen token. */
    record MaskGitPlus() implements ByConfidence {
        @Override
        public String label() {
            return "maskgit_plus";
        }

        @Override
        public float confidence(TokenDistribution distribution, int token) {
            return distribution.probability(token);
        }
    }

    /** Confidence is the distance between the two highest probabilities. */
    record TopKMargin() implements ByConfidence {
        @Override
        public String label() {
            return "topk_margin";
        }

        @Override
        public float confidence(TokenDistribution distribution, int token) {
            return distribution.margin();
        }
    }

    /** Confidence is the negative entropy of the distribution. */
    record Entropy() implements ByConfidence {
        @Override
        public String label() {
            return "entropy";
        }

        @Override
        public float confidence(TokenDistribution distribution, int token) {
            return distribution.negativeEntropy();
        }
    }

    /** The sampler called {@code label}. */
    static Sampler of(String label) {
        return ALL.stream()
                .filter(sampler -> sampler.label().equals(label))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no sampler \"" + label + "\", expected one of "
                        + ALL.stream().map(Sampler::label).toList()));
    }
}
