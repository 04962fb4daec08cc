package io.coda4j.coder.parity;

/** A kind of recorded results, in a folder of its own. */
sealed interface Family permits ForwardFamily, LossFamily, SamplerFamily, OptimFamily, TrainFamily {
    /** The name of the family and of its folder. */
    String label();

    /** Replays every case of the family, which is there. */
    void replay(Recorder recorder);
}
