package io.coda4j.coder.train;

import io.coda4j.coder.train.Recipe.Course;
import io.coda4j.coder.train.Recipe.Rule;
import io.coda4j.coder.train.Recipe.Shape;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Predicate;

/** Settings that others leave without effect: who states one expects that it has one. */
final class IdleSettings {
    /**
     * Settings by dotted name that have no effect in some recipes.
     *
     * @param where in words, behind "has no effect"
     */
    record Idle(Predicate<Recipe> isIdle, String where, List<String> settings) {
        Idle(Predicate<Recipe> isIdle, String where, String... settings) {
            this(isIdle, where, List.of(settings));
        }
    }

    static final List<Idle> ALL = List.of(
            new Idle(
                    recipe -> recipe.masking().preset() == null,
                    "without a masking.preset",
                    "masking.stage",
                    "masking.epochs"),
            new Idle(
                    recipe -> recipe.masking().preset() != null,
                    "beside a masking.preset, which decides it",
                    "masking.form",
                    "masking.course",
                    "masking.rampSteps",
                    "masking.prefix",
                    "masking.truncate",
                    "masking.block",
                    "masking.blockSizes",
                    "masking.eps"),
            new Idle(
                    recipe -> recipe.masking().course() != Course.LINEAR,
                    "unless masking.course is linear",
                    "masking.rampSteps"),
            new Idle(recipe -> recipe.masking().block() == 0, "unless masking.block is above 0", "masking.blockSizes"),
            new Idle(
                    recipe -> recipe.optimizer().name() != Rule.ADAMW,
                    "unless optimizer.name is adamw",
                    "optimizer.beta1",
                    "optimizer.beta2",
                    "optimizer.eps"),
            new Idle(recipe -> recipe.schedule().name() != Shape.WSD, "unless schedule.name is wsd", "schedule.decay"),
            new Idle(
                    recipe -> recipe.schedule().name() == Shape.CONSTANT,
                    "where schedule.name is constant",
                    "schedule.floor"));

    private IdleSettings() {}

    /** What is wrong with the first setting without effect that is not what it is where nothing is stated. */
    static Optional<String> problem(Recipe recipe) {
        var stated = RecipeFile.flat(recipe);
        var defaults = RecipeFile.flat(RecipeFile.defaults());
        return ALL.stream()
                .filter(idle -> idle.isIdle().test(recipe))
                .flatMap(idle -> idle.settings().stream()
                        .filter(setting -> !Objects.requireNonNull(stated.get(setting), setting)
                                .equals(defaults.get(setting)))
                        .map(setting -> setting + ": has no effect " + idle.where() + ", got " + stated.get(setting)
                                + "; leave it out"))
                .findFirst();
    }
}
