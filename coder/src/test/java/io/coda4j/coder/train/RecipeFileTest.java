package io.coda4j.coder.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

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
