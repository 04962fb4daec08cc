package io.coda4j.tpu;

/** The parts of XLA that divide a program among devices; each reads placements in its own notation. */
public enum Partitioner {
    /** The newer one: {@code sdy.mesh}, {@code sdy.sharding}, {@code sdy.sharding_constraint}. */
    SHARDY,
    /** The older one, for plugins that do not know Shardy: {@code mhlo.sharding}, {@code @Sharding}. */
    GSPMD
}
