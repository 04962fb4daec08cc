package io.coda4j.tensor;

import io.coda4j.tensor.ShardingPlan.Rule;

/** A rule of a {@link ShardingPlan} that cannot be followed; the message names the rule or the value, and why. */
public final class ShardingException extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    private final transient Rule rule;

    /** An error of {@code rule}. */
    public ShardingException(Rule rule, String message) {
        super(message);
        this.rule = rule;
    }

    /** The rule, which may be one of several that a plan was made of. */
    public Rule rule() {
        return rule;
    }
}
