/** Layers, the transformer, optimisers and safetensors. */
module io.coda4j.nn {
    requires static transitive org.jspecify;
    requires transitive io.coda4j.tensor;
    requires transitive io.coda4j.autograd;

    exports io.coda4j.nn;
    exports io.coda4j.nn.files;
    exports io.coda4j.nn.json;
    exports io.coda4j.nn.safetensors;
    exports io.coda4j.nn.schedule;
}
