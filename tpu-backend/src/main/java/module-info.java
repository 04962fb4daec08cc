/** Programs as StableHLO text, and devices behind PJRT plugins that compile it. */
module io.coda4j.tpu {
    requires static transitive org.jspecify;
    requires transitive io.coda4j.tensor;

    exports io.coda4j.tpu;

    provides io.coda4j.tensor.spi.AheadOfTime with
            io.coda4j.tpu.pjrt.PjrtCompiler;
    provides io.coda4j.tensor.spi.DeviceProvider with
            io.coda4j.tpu.pjrt.PjrtDeviceProvider;
}
