package io.coda4j.diffusion;

/** The three stages in which the model is trained. */
public enum TrainingStage {
    PRETRAIN,
    MIDTRAIN,
    FINETUNE
}
