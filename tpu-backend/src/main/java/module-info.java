/** Programs as StableHLO text, for devices behind PJRT. */
module io.coda4j.tpu {
    requires static transitive org.jspecify;
    requires transitive io.coda4j.tensor;

    exports io.coda4j.tpu;
}
