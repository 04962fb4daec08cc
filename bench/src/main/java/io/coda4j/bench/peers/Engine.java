package io.coda4j.bench.peers;

/** Something that can do {@link Work}. */
interface Engine {
    /** Name, version and what else decides its speed. */
    String description();

    /**
     * Makes a piece of work ready to be run many times.
     *
     * @throws UnsupportedOperationException if this engine cannot do it
     */
    Task prepare(Work work);

    /** A piece of work with its operands in place. */
    interface Task extends AutoCloseable {
        /** Does the work once. */
        void run();

        /** Some elements of the result of the last run, in the order in which all engines give them. */
        float[] sample();

        @Override
        void close();
    }
}
