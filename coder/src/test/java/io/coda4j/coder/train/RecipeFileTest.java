package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class RecipeFileTest {
    private static final Path DEMO = Path.of("../recipes/demo.yaml");

    @Test
    void theDemosFileStatesWhatIsUsedWithoutIt() {
        assertEquals(RecipeFile.defaults(), RecipeFile.read(DEMO));
    }

    /** Whoever looks for a setting finds it there. */
    @Test
    void theDemosFileNamesEverySetting() throws IOException {
        var text = Files.readString(DEMO);
        var missing = new ArrayList<>(names(Recipe.class));
        missing.removeIf(name -> text.matches("(?s).*\\b" + name + ":.*"));
        assertEquals(List.of(), missing);
    }

    /** A setting that got another name would else be looked for in vain, and its check with it. */
    @Test
    void settingsThatMayBeIdleAreThere() {
        var settings = RecipeFile.flat(RecipeFile.defaults());
        IdleSettings.ALL.forEach(
                idle -> idle.settings().forEach(name -> assertTrue(settings.containsKey(name), () -> name)));
    }

    /** What a run writes about itself states every setting, also those without effect. */
    @Test
    void recipesThatWereWrittenAreRead() {
        for (var more : List.of(
                "optimizer: {name: adafactor}",
                "schedule: {name: constant}",
                "schedule: {name: linear, floor: 0.1}",
                "masking: {preset: fixed, stage: midtrain}\nrun: {steps: 3}",
                "masking: {course: linear, rampSteps: 9, block: 0.5, blockSizes: [[2, 4]]}")) {
            var recipe = RecipeFile.parse("test", more);
            assertEquals(recipe, RecipeFile.parse("written", RecipeFile.write(recipe)));
        }
    }

    private static List<String> names(Class<?> type) {
        var names = new ArrayList<String>();
        for (RecordComponent component : type.getRecordComponents()) {
            names.add(component.getName());
            if (component.getType().isRecord()) {
                names.addAll(names(component.getType()));
            }
        }
        return names;
    }
}
