package io.coda4j.coder.cli;

/**
 * Options that others leave without effect: who gives one expects that it has one.
 *
 * @param areIdle whether they have none here
 * @param where in words, behind "has no effect"
 */
record IdleOptions(boolean areIdle, String where) {
    /**
     * Refuses {@code option} if it is given and has no effect.
     *
     * @return this, for the next option
     * @throws UsageException naming the option and what leaves it without effect
     */
    IdleOptions refuse(String option, boolean isGiven) {
        if (areIdle && isGiven) {
            throw new UsageException(option + " has no effect " + where + "; leave it out");
        }
        return this;
    }
}
