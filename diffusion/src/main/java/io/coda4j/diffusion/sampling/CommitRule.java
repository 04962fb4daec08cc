package io.coda4j.diffusion.sampling;

/** How many of the positions of a window are committed at a step; the most confident ones are. */
public sealed interface CommitRule {
    /** The name on the command line and in requests. */
    String label();

    /** As many as a {@link TransferSchedule} says, in a fixed number of steps: the published sampler. */
    record Scheduled() implements CommitRule {
        @Override
        public String label() {
            return "steps";
        }
    }

    /**
     * As many as the model is sure of, at least one at each step, so a window takes as many steps as it needs. Tokens of one
     * step are chosen without knowing of each other, and the surer the model is, the less that matters.
     */
    sealed interface Adaptive extends CommitRule {
        /** The confidence that the rule is about. */
        Sampler.ByConfidence measure();

        /**
         * How many positions are committed.
         *
         * @param confidences of all masked positions of the window, falling; at least one
         * @return from 1 to {@code confidences.length}
         */
        int commits(float[] confidences);
    }

    /**
     * All positions whose token has at least this probability (Fast-dLLM).
     *
     * @param probability 0 commits everything at once, above 1 one position per step
     */
    record Threshold(double probability) implements Adaptive {
        public Threshold {
            if (!(probability >= 0)) {
                throw new IllegalArgumentException("the threshold must not be negative, got " + probability);
            }
        }

        @Override
        public String label() {
            return "threshold";
        }

        @Override
        public Sampler.ByConfidence measure() {
            return new Sampler.MaskGitPlus();
        }

        @Override
        public int commits(float[] confidences) {
            int count = 0;
            while (count < confidences.length && confidences[count] >= probability) {
                count++;
            }
            return Math.max(1, count);
        }
    }

    /**
     * The more positions are committed together, the surer each must be: the n-th needs probability 1 - factor/(n+1)
     * (Fast-dLLM; specification of sampling, section 2b.6, with its quirk at the last position).
     *
     * @param factor higher commits more at a time
     */
    record Factor(double factor) implements Adaptive {
        public Factor {
            if (!(factor > 0) || factor == Double.POSITIVE_INFINITY) {
                throw new IllegalArgumentException("the factor must be positive and finite, got " + factor);
            }
        }

        @Override
        public String label() {
            return "factor";
        }

        @Override
        public Sampler.ByConfidence measure() {
            return new Sampler.MaskGitPlus();
        }

        @Override
        public int commits(float[] confidences) {
            int last = confidences.length - 1;
            // The first needs nothing.
            int failed = Math.min(1, last);
            while (failed < last && confidences[failed] >= 1 - factor / (failed + 2)) {
                failed++;
            }
            // A failure at the last position commits it all the same.
            return failed == 0 || failed == last ? failed + 1 : failed;
        }
    }

    /**
     * As many as keep the sum of the entropies, without the greatest, within a bound: it limits how much the joint
     * distribution of the tokens can differ from the product that they are chosen from (EB-Sampler).
     *
     * @param bound in nats; 0 commits more than one position only where all but one are certain
     */
    record EntropyBound(double bound) implements Adaptive {
        public EntropyBound {
            if (!(bound >= 0)) {
                throw new IllegalArgumentException("the entropy bound must not be negative, got " + bound);
            }
        }

        @Override
        public String label() {
            return "eb";
        }

        @Override
        public Sampler.ByConfidence measure() {
            return new Sampler.Entropy();
        }

        @Override
        public int commits(float[] confidences) {
            // Entropies rise along the order, so the last one included is the greatest and does not count.
            double sum = 0;
            int count = 1;
            while (count < confidences.length) {
                sum += Math.max(0, -confidences[count - 1]);
                if (sum > bound) {
                    break;
                }
                count++;
            }
            return count;
        }
    }
}
