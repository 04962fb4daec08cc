package io.coda4j.coder.parity;

/** How far a result may be from the recorded one. */
sealed interface Tolerance {
    /** No difference at all. */
    record Exact() implements Tolerance {
        @Override
        public String toString() {
            return "exact";
        }
    }

    /** Each number within {@code limit}. */
    record Absolute(double limit) implements Tolerance {
        @Override
        public String toString() {
            return number(limit) + " absolute";
        }
    }

    /** Each number within {@code limit} times the recorded number. */
    record Relative(double limit) implements Tolerance {
        @Override
        public String toString() {
            return number(limit) + " relative";
        }
    }

    /** Each number within {@code limit} times the larger of {@code floor} and the tensor's largest recorded number. */
    record OfLargest(double limit, double floor) implements Tolerance {
        @Override
        public String toString() {
            return floor == 0
                    ? number(limit) + " of largest"
                    : number(limit) + " x max(" + (floor == 1 ? "1" : number(floor)) + ", largest)";
        }
    }

    /** The Euclidean norm of a tensor's differences within {@code limit} times its recorded norm, plus {@code slack}. */
    record OfNorm(double limit, double slack) implements Tolerance {
        @Override
        public String toString() {
            return number(limit) + " of norm" + (slack == 0 ? "" : " + " + number(slack));
        }
    }

    private static String number(double value) {
        return Double.toString(value).replace(".0E", "E").toLowerCase(java.util.Locale.ROOT);
    }
}
