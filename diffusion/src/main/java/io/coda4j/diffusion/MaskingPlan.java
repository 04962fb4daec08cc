package io.coda4j.diffusion;

/** Everything about masking that a training run needs to be told. */
public record MaskingPlan(MaskingForm form, MaskingSchedule schedule, PromptAnneal promptAnneal) {}
