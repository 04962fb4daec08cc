package io.coda4j.coder.cli;

import io.coda4j.coder.train.Recipe;
import io.coda4j.coder.train.RecipeException;
import io.coda4j.coder.train.RecipeFile;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code coda train}: trains a model as a recipe says. */
@Command(
        name = "train",
        mixinStandardHelpOptions = true,
        description = {
            "Trains a tokenizer and a model as a recipe says.",
            "A killed run goes on with --resume as if it had not been killed.",
            "recipes/demo.yaml has all settings, and what each is where a recipe does not state it."
        },
        footer = {
            "",
            "Example:",
            "  coda train --config recipes/tiny.yaml --out out/tiny",
            "  coda train --config recipes/tiny.yaml --out out/tiny --resume",
            "  coda train --config recipes/tiny.yaml --device pjrt:tpu --mesh fsdp=4"
        })
final class TrainCommand implements Callable<Integer> {
    @Option(names = "--config", required = true, paramLabel = "FILE", description = "The recipe, a YAML file.")
    private Path config = Path.of("");

    @Option(
            names = "--out",
            paramLabel = "DIR",
            description = "Folder of the run (default: out/ and the recipe's name).")
    private @Nullable Path out;

    @Option(names = "--resume", description = "Go on from the latest checkpoint in the folder, if there is one.")
    private boolean resume;

    @Option(names = "--seed", paramLabel = "S", description = "Seed, instead of the recipe's.")
    private @Nullable Long seed;

    @Option(
            names = "--precision",
            paramLabel = "P",
            description =
                    "What passes compute in, instead of the recipe's passes.compute: f32 or bf16. Sums of products,"
                            + " weights and the optimiser's state are F32.")
    private Recipe.@Nullable ComputeType compute;

    @Option(
            names = "--mesh",
            paramLabel = "AXES",
            description =
                    "Spreads each step over several devices of a PJRT plugin, instead of the recipe's passes.mesh:"
                            + " fsdp=4 (weights, moments and rows of the batch in 4 parts), fsdp=2,tensor=2 (each matrix split"
                            + " both ways) or data=2,fsdp=2 (2 groups with all of the weights each); none for one device. As for"
                            + " 'coda compile'; 'coda devices' says how many there are. --resume may change it.")
    private @Nullable String mesh;

    @Option(names = "--json", description = "Print the outcome as JSON.")
    private boolean json;

    @Mixin
    private DeviceOption device = new DeviceOption();

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Override
    public Integer call() {
        var recipe = changed(RecipeFile.read(config));
        var job = new TrainingJob(recipe, folder(), resume, device);
        var outcome = job.run(TypedCommand.of(spec, folder()));
        System.out.print(json ? outcome.json() + "\n" : outcome.text());
        return 0;
    }

    private Recipe changed(Recipe recipe) {
        var computing = compute == null ? recipe : recipe.computingIn(compute);
        var placed = mesh == null ? computing : onMesh(computing, mesh);
        return seed == null ? placed : placed.seeded(seed);
    }

    private static Recipe onMesh(Recipe recipe, String mesh) {
        try {
            return recipe.onMesh(mesh.equals("none") ? null : mesh);
        } catch (RecipeException e) {
            throw new UsageException("--mesh " + mesh + ": " + e.getMessage());
        }
    }

    private Path folder() {
        if (out != null) {
            return out;
        }
        var name = config.getFileName().toString();
        int dot = name.lastIndexOf('.');
        return Path.of("out", dot < 0 ? name : name.substring(0, dot));
    }
}
