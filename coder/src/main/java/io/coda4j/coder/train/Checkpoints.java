package io.coda4j.coder.train;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.coder.files.FileException;
import io.coda4j.coder.model.CodaConfig;
import io.coda4j.coder.model.ModelFolder;
import io.coda4j.coder.verify.FiniteTensors;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import io.coda4j.nn.safetensors.StoredType;
import io.coda4j.tensor.Array;
import io.coda4j.tensor.Tensor;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.spi.Device;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.json.JsonMapper;

/**
 * The checkpoints of a run: folders {@code step-N} with the model, the optimiser's state and the run's position.
 *
 * <p>A checkpoint is written and synced under a temporary name and then moved, so a process killed at any instant leaves
 * either the whole checkpoint or none; older ones are deleted only afterwards. What is left of an unfinished one is
 * cleared away when the run resumes. Data order, masks, noise and learning rate are functions of the position, so it is
 * all that must be stored of them.
 */
public final class Checkpoints {
    private static final Pattern NAME = Pattern.compile("step-(\\d{9})");
    private static final String UNFINISHED = ".unfinished-";
    private static final JsonMapper MAPPER = JsonMapper.builder()
            .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
            .build();

    private final Path folder;
    private final int keep;

    /**
     * Where a run stands after a number of steps.
     *
     * @param step steps done
     * @param rows rows of training text read
     * @param millis time spent training
     * @param recipe the whole recipe as YAML, which a resumed run must share but for its mesh
     * @param text hash of the training tokens, which a resumed run must share, see {@link TokenBlocks#fingerprint}
     */
    public record Position(long step, long rows, long millis, String recipe, String text) {}

    /** A loaded checkpoint. */
    public record Loaded(Position position, CodaConfig config, TrainState state) {}

    /** The checkpoints in {@code folder}, of which the latest {@code keep} stay. */
    public Checkpoints(Path folder, int keep) {
        this.folder = folder;
        this.keep = keep;
    }

    /**
     * Writes a checkpoint, with layers one by one, and deletes those that are too old.
     *
     * @throws RecipeException if the state holds NaN or infinity: then the last checkpoint stays what it is
     */
    public void save(Position position, CodaConfig config, TrainState given) {
        var state = given.unstacked();
        AtomicFile.createFolder(folder);
        var unfinished = folder.resolve(UNFINISHED + UUID.randomUUID());
        try {
            ModelFolder.save(unfinished, config, state.model());
            requireFinite("weights", position, unfinished.resolve("model.safetensors"));
            var writer = new SafetensorsWriter();
            state.optimizer().forEach((name, moment) -> add(writer, name, (Array) moment));
            writer.write(unfinished.resolve("optimizer.safetensors"));
            requireFinite("moments", position, unfinished.resolve("optimizer.safetensors"));
            AtomicFile.write(
                    unfinished.resolve("position.json"),
                    MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(position));
            publish(unfinished, folder.resolve("step-%09d".formatted(position.step())));
        } catch (RuntimeException e) {
            // The disk may be full: give back what this attempt took.
            delete(unfinished);
            throw e;
        }
        prune();
    }

    private void requireFinite(String what, Position position, Path file) {
        try (var written = Safetensors.open(file)) {
            var tensors = FiniteTensors.of(written);
            if (!tensors.isFinite()) {
                throw diverged("the " + what + " after step " + position.step() + " hold " + tensors);
            }
        }
    }

    /**
     * What ends a run whose numbers are no longer finite. Going on from the last checkpoint would do the same steps again, so the
     * advice is another run.
     */
    RecipeException diverged(String how) {
        var last = latest().map(path -> "; the model of the last checkpoint, " + path + ", is sound");
        return new RecipeException("the run diverged: " + how
                + "; lower schedule.peak or optimizer.clip, and start again with another --out" + last.orElse(""));
    }

    private static void add(SafetensorsWriter writer, String name, Array array) {
        var shape = Arrays.stream(array.shape().dims()).asLongStream().toArray();
        writer.add(name, StoredType.F32, shape, () -> {
            var host = Arena.ofAuto().allocate(Math.max(1, array.type().byteSize()), 64);
            array.buffer().download(host);
            return host.asSlice(0, array.type().byteSize());
        });
    }

    private static void publish(Path unfinished, Path target) {
        try {
            if (Files.exists(target)) {
                // The same step of the same run, saved again after a resume: equal content.
                delete(target);
            }
            Files.move(unfinished, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new FileException(target, "the checkpoint cannot be moved into place", e);
        }
    }

    private void prune() {
        var finished = finished();
        finished.subList(0, Math.max(0, finished.size() - keep)).forEach(Checkpoints::delete);
    }

    /** Finished checkpoints, oldest first. */
    private List<Path> finished() {
        return list().stream()
                .filter(path -> NAME.matcher(path.getFileName().toString()).matches())
                .sorted(Comparator.comparing(path -> path.getFileName().toString()))
                .toList();
    }

    private List<Path> list() {
        if (!Files.isDirectory(folder)) {
            AtomicFile.checkFolder(folder);
            return List.of();
        }
        try (var paths = Files.list(folder)) {
            return paths.toList();
        } catch (IOException e) {
            throw new FileException(folder, "the checkpoints cannot be listed", e);
        }
    }

    /** Deletes what interrupted runs left unfinished. */
    public void clearUnfinished() {
        list().stream()
                .filter(path -> path.getFileName().toString().startsWith(UNFINISHED))
                .forEach(Checkpoints::delete);
    }

    /** The folder of the latest finished checkpoint, if there is one. */
    public Optional<Path> latest() {
        var finished = finished();
        return finished.isEmpty() ? Optional.empty() : Optional.of(finished.getLast());
    }

    /**
     * Loads a checkpoint.
     *
     * @param text hash of the training tokens
     * @throws RecipeException if it is not one of a run of {@code recipe} on that text
     */
    public static Loaded load(Path checkpoint, Recipe recipe, String text, Device device) {
        var position = position(checkpoint);
        requireSame(checkpoint, position, recipe, text);
        var optimizer = recipe.rule();
        var model = ModelFolder.load(checkpoint, device, "model.safetensors");
        var moments = new LinkedHashMap<String, Tensor>();
        try (var file = Safetensors.open(checkpoint.resolve("optimizer.safetensors"))) {
            TrainState.momentTypes(model.model(), optimizer)
                    .forEach((name, type) -> moments.put(name, read(checkpoint, file, name, type, device)));
        }
        return new Loaded(position, model.config(), new TrainState(model.model(), moments));
    }

    private static void requireSame(Path checkpoint, Position position, Recipe recipe, String text) {
        var file = checkpoint.resolve("position.json");
        boolean isSound = NAME.matcher(checkpoint.getFileName().toString())
                        .results()
                        .allMatch(name -> Long.parseLong(name.group(1)) == position.step())
                && position.rows() == position.step() * recipe.batch().rows()
                && position.millis() >= 0;
        if (!isSound) {
            throw new RecipeException(file + ": states step " + position.step() + ", " + position.rows() + " rows and "
                    + position.millis() + " ms, which no run of this recipe can have; delete " + checkpoint
                    + " to go on from an earlier checkpoint");
        }
        if (!recipe.continues(RecipeFile.parse(file.toString(), position.recipe()))) {
            throw new RecipeException(file + ": the checkpoint was written by a run of another recipe; resume with that"
                    + " recipe, or choose another folder with --out");
        }
        if (!position.text().equals(text)) {
            throw new RecipeException(
                    file + ": the training text or its tokenizer is not what the run was started with;"
                            + " restore the files, or choose another folder with --out");
        }
    }

    private static Array read(Path checkpoint, Safetensors file, String name, TensorType type, Device device) {
        var expected = Arrays.stream(type.shape().dims()).asLongStream().toArray();
        if (!file.contains(name) || !Arrays.equals(file.entry(name).shape(), expected)) {
            throw new RecipeException(checkpoint + ": optimizer.safetensors has no tensor \"" + name + "\" of shape "
                    + type.shape() + "; the checkpoint was written with another optimiser or model");
        }
        if (file.entry(name).type() != StoredType.F32) {
            throw new RecipeException(checkpoint + ": optimizer.safetensors holds \"" + name + "\" as "
                    + file.entry(name).type() + " instead of F32; restore the file, or delete " + checkpoint
                    + " to go on from an earlier checkpoint");
        }
        return Array.copyOf(type, file.bytes(name), device);
    }

    private static Position position(Path checkpoint) {
        var file = checkpoint.resolve("position.json");
        try {
            return MAPPER.readValue(Files.readString(file), Position.class);
        } catch (IOException e) {
            throw new FileException(file, "the checkpoint's position cannot be read", e);
        } catch (JacksonException e) {
            throw new RecipeException(file + ": does not state a checkpoint's position: " + e.getOriginalMessage(), e);
        }
    }

    private static void delete(Path path) {
        if (!Files.exists(path)) {
            return;
        }
        try {
            Files.walkFileTree(path, new SimpleFileVisitor<>() {
                @Override
                public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) throws IOException {
                    Files.delete(file);
                    return FileVisitResult.CONTINUE;
                }

                @Override
                public FileVisitResult postVisitDirectory(Path folder, @org.jspecify.annotations.Nullable IOException e)
                        throws IOException {
                    if (e != null) {
                        throw e;
                    }
                    Files.delete(folder);
                    return FileVisitResult.CONTINUE;
                }
            });
        } catch (IOException e) {
            throw new FileException(path, "cannot be deleted", e);
        }
    }
}
