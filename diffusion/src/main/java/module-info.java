/** The forward process of masked diffusion, its loss, and samplers that undo it. */
module io.coda4j.diffusion {
    requires static transitive org.jspecify;
    requires transitive io.coda4j.nn;

    exports io.coda4j.diffusion;
    exports io.coda4j.diffusion.random;
    exports io.coda4j.diffusion.sampling;
}
