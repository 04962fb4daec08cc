/** Reverse-mode differentiation as an interpreter. */
module io.coda4j.autograd {
    requires static transitive org.jspecify;
    requires transitive io.coda4j.tensor;

    exports io.coda4j.autograd;
}
