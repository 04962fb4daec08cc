package io.coda4j.coder.parity;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.generate.Precision;
import io.coda4j.coder.parity.ParityResult.Status;
import io.coda4j.nn.json.Json;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import io.coda4j.nn.safetensors.StoredType;
import io.coda4j.tensor.spi.Devices;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ParityTest {
    @TempDir
    private static Path made;

    @TempDir
    private Path temporary;

    @BeforeAll
    static void makeFixtures() {
        MadeFixtures.write(made);
    }

    private static List<ParityResult> replay(Path folder) {
        return replay(folder, Precision.F32);
    }

    private static List<ParityResult> replay(Path folder, Precision precision) {
        var results = new ArrayList<ParityResult>();
        var summary = new ParityRun(folder, Devices.defaultDevice(), precision).run(results::add);
        assertEquals(count(results, Status.PASS), summary.passed());
        assertEquals(count(results, Status.FAIL), summary.failed());
        assertEquals(count(results, Status.SKIP), summary.skipped());
        return results;
    }

    private static int count(List<ParityResult> results, Status status) {
        return (int)
                results.stream().filter(result -> result.status() == status).count();
    }

    private static String failures(List<ParityResult> results) {
        return results.stream()
                .filter(result -> result.status() != Status.PASS)
                .map(ParityResult::toString)
                .collect(Collectors.joining("\n"));
    }

    /** A copy of the made fixtures, to be damaged. */
    private Path copy() {
        return RecordedFixtures.copy(made, temporary.resolve("copy"));
    }

    /** Writes a file again with each tensor handed to {@code change}, which adds it or does not. */
    private static void rewrite(Path file, BiConsumer<Tensor, SafetensorsWriter> change) throws IOException {
        var changed = file.resolveSibling("changed");
        try (var tensors = Safetensors.open(file)) {
            var writer = new SafetensorsWriter();
            tensors.entries().forEach((name, entry) -> {
                var bytes = MemorySegment.ofArray(tensors.bytes(name).toArray(ValueLayout.JAVA_BYTE));
                change.accept(new Tensor(name, entry.type(), entry.shape(), bytes), writer);
            });
            writer.write(changed);
        }
        Files.move(changed, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    }

    private record Tensor(String name, StoredType type, long[] shape, MemorySegment bytes) {
        void addTo(SafetensorsWriter writer) {
            writer.add(name, type, shape, bytes);
        }
    }

    private static void setFloat(Path file, String name, int index, float value) throws IOException {
        rewrite(file, (tensor, writer) -> {
            if (tensor.name.equals(name)) {
                tensor.bytes.set(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * index, value);
            }
            tensor.addTo(writer);
        });
    }

    private static void drop(Path file, String name) throws IOException {
        rewrite(file, (tensor, writer) -> {
            if (!tensor.name.equals(name)) {
                tensor.addTo(writer);
            }
        });
    }

    private static void replace(Path file, String from, String to) throws IOException {
        var text = Files.readString(file);
        assertTrue(text.contains(from), text);
        Files.writeString(file, text.replace(from, to));
    }

    /** Requires exactly these cases to fail, the first with these words in its reason. */
    private static void assertFails(Path folder, Set<String> cases, String... words) {
        assertFails(folder, Precision.F32, cases, words);
    }

    private static void assertFails(Path folder, Precision precision, Set<String> cases, String... words) {
        var failed = replay(folder, precision).stream()
                .filter(result -> result.status() == Status.FAIL)
                .toList();
        assertEquals(
                cases,
                failed.stream()
                        .map(result -> result.family() + " " + result.name())
                        .collect(Collectors.toSet()),
                failures(failed));
        var problem = failed.getFirst().problem();
        assertNotNull(problem);
        for (var word : words) {
            assertTrue(problem.contains(word), problem);
        }
    }

    @Test
    void everyRecordedCaseIsReproduced() {
        var results = replay(RecordedFixtures.copyAll(temporary.resolve("all")));
        assertEquals(results.size(), count(results, Status.PASS), failures(results));
        var families = results.stream().map(ParityResult::family).collect(Collectors.toSet());
        assertEquals(Set.of("forward", "loss", "sampler", "optim", "train"), families);
        assertTrue(results.size() >= 120, results.size() + " cases");
    }

    @Test
    void foldersOfOtherSizesAreReproduced() {
        var results = replay(made);
        assertEquals(results.size(), count(results, Status.PASS), failures(results));
        assertEquals(2 + 6 + 2 + 2 + 2 + 2 + 2 + 2, results.size());
    }

    @Test
    void productsOfBf16StayWithinWhatTheirRoundingsExplain() {
        var results = replay(made, Precision.BF16);
        assertEquals(results.size(), count(results, Status.PASS), failures(results));
        var forward = results.getFirst();
        assertTrue(forward.maxRelative() > 1e-4, "nothing was rounded: " + forward);
        assertTrue(forward.tolerance().endsWith(" of largest"), forward.tolerance());
        assertThrows(
                IllegalArgumentException.class, () -> new ParityRun(made, Devices.defaultDevice(), Precision.INT8));
    }

    @Test
    void whatRoundingsToBf16DoNotExplainIsFound() throws IOException {
        var folder = copy();
        int index = (1 * 11 + 4) * MadeFixtures.VOCABULARY + 7;
        setFloat(folder.resolve("forward/odd/expected.safetensors"), "logits", index, 9);
        setFloat(folder.resolve("loss/first.safetensors"), "grad.model.norm.weight", 3, 50);
        setFloat(folder.resolve("train/adamw.safetensors"), "final.model.norm.weight", 3, 5);
        replaceLastToken(folder.resolve("sampler/traces.json"));
        assertFails(
                folder,
                Precision.BF16,
                Set.of(
                        "forward odd",
                        "loss first (a) gradients",
                        "sampler traces/0 entropy 5 steps",
                        "train adamw parameters' changes"),
                "logits[1,4,7]: expected 9, got ");
    }

    /** Replaces a token that the last step of the first run committed by the next one of the vocabulary. */
    private static void replaceLastToken(Path file) throws IOException {
        var run = Json.parse(Files.readString(file))
                .asObject()
                .member("runs")
                .asList()
                .getFirst()
                .asObject();
        var history = run.member("history").asList();
        var before = history.get(history.size() - 2).asList().stream()
                .map(Json::asInt)
                .toList();
        var last = new ArrayList<>(
                history.getLast().asList().stream().map(Json::asInt).toList());
        var recorded = last.toString();
        int at = 0;
        while (before.get(at).equals(last.get(at))) {
            at++;
        }
        last.set(at, (last.get(at) + 1) % MadeFixtures.VOCABULARY);
        replace(file, recorded + "]", last + "]");
    }

    @Test
    void absentFamiliesAndPartsAreSkipped() throws IOException {
        var folder = temporary.resolve("part");
        RecordedFixtures.copy(
                made.resolve("optim"), Files.createDirectories(folder).resolve("optim"));
        Files.delete(folder.resolve("optim/lr_schedules.json"));
        Files.createDirectory(folder.resolve("forward"));
        var results = replay(folder);
        assertEquals(2, count(results, Status.PASS), failures(results));
        assertEquals(5, count(results, Status.SKIP), failures(results));
    }

    @Test
    void otherFoldersAreRefused() throws IOException {
        var device = Devices.defaultDevice();
        var e = assertThrows(ParityException.class, () -> new ParityRun(temporary.resolve("none"), device));
        assertTrue(e.getMessage().contains("is not a folder"), e.getMessage());
        e = assertThrows(ParityException.class, () -> new ParityRun(temporary, device));
        assertTrue(e.getMessage().contains("holds none of [forward/"), e.getMessage());
        Files.createDirectory(temporary.resolve("train"));
        var empty = new ParityRun(temporary, device);
        e = assertThrows(ParityException.class, () -> empty.run(_ -> {}));
        assertTrue(e.getMessage().contains("holds no recorded results"), e.getMessage());
    }

    @Test
    void aWrongLogitIsFound() throws IOException {
        var folder = copy();
        int index = (1 * 11 + 4) * MadeFixtures.VOCABULARY + 7;
        setFloat(folder.resolve("forward/odd/expected.safetensors"), "logits", index, 123);
        assertFails(folder, Set.of("forward odd"), "logits[1,4,7]: expected 123, got ");
    }

    @Test
    void aWrongGradientLossOrDrawIsFound() throws IOException {
        var folder = copy();
        var file = folder.resolve("loss/first.safetensors");
        setFloat(file, "grad.model.norm.weight", 3, 50);
        assertFails(folder, Set.of("loss first (a) gradients"), "grad.model.norm.weight[3]: expected 50, got ", "norm");
        setFloat(file, "loss", 0, 50);
        setFloat(file, "draw.4.rand", 0, .123f);
        assertFails(
                folder,
                Set.of("loss first (a) loss", "loss first (a) gradients", "loss first (b) draws"),
                "loss[]: expected 50, got ");
    }

    @Test
    void aWrongTokenOfARunIsFound() throws IOException {
        var folder = copy();
        replace(folder.resolve("sampler/traces.json"), "\"final\": [", "\"final\": [1");
        assertFails(
                folder, Set.of("sampler traces/0 entropy 5 steps", "sampler traces/1 topk_margin 5 steps"), "final");
        replace(folder.resolve("sampler/transfer_counts.json"), "[0, 1, 1, 2]", "[0, 1, 2, 1]");
        replace(folder.resolve("sampler/distributions.json"), "\"top_k\": 2", "\"top_k\": 3");
        var results = replay(folder).stream()
                .filter(result -> result.status() == Status.FAIL)
                .toList();
        assertEquals(4, results.size(), failures(results));
        assertTrue(failures(results).contains("4 masks in 4 steps[2]: expected 2, got 1"), failures(results));
        assertTrue(failures(results).contains("1.probs[1,4]: expected 0, got 0.0"), failures(results));
    }

    @Test
    void aWrongUpdateRateOrTrainingStepIsFound() throws IOException {
        var folder = copy();
        setFloat(folder.resolve("optim/adamw.safetensors"), "bias.param.1", 2, 9);
        replace(folder.resolve("optim/lr_schedules.json"), "1.5", "1.500001");
        replace(folder.resolve("train/adamw.json"), "\"lr\": 0.02", "\"lr\": 0.2");
        assertFails(
                folder,
                Set.of("optim adamw", "optim lr_schedules/linear", "train adamw losses", "train adamw parameters"),
                "bias.param.1[2]: expected 9, got ");
    }

    @Test
    void resultsThatAreNoNumbersAreFound() throws IOException {
        var folder = copy();
        setFloat(folder.resolve("forward/odd/model.safetensors"), "model.norm.weight", 0, Float.NaN);
        var results = replay(folder);
        var forward = results.getFirst();
        assertEquals(Status.FAIL, forward.status());
        assertTrue(Double.isNaN(forward.maxAbsolute()), forward.toString());
        assertNotNull(forward.problem());
        assertTrue(forward.problem().contains("got NaN"), forward.problem());
    }

    @Test
    void missingAndMisshapenTensorsFailTheirCaseOnly() throws IOException {
        var folder = copy();
        drop(folder.resolve("forward/odd/expected.safetensors"), "logits");
        drop(folder.resolve("loss/first.safetensors"), "grad.lm_head.weight");
        drop(folder.resolve("train/adamw.safetensors"), "step.1.sigma");
        drop(folder.resolve("optim/adamw.safetensors"), "bias.grad.2");
        rewrite(folder.resolve("optim/adafactor.safetensors"), (tensor, writer) -> {
            boolean isWanted = tensor.name.equals("bias.param.0");
            writer.add(tensor.name, tensor.type, isWanted ? new long[] {2, 2} : tensor.shape, tensor.bytes);
        });
        assertFails(
                folder,
                Set.of("forward odd", "loss first (a) gradients", "train adamw", "optim adamw", "optim adafactor"),
                "no tensor \"logits\"");
    }

    @Test
    void modelsThatDoNotLoadFailEverythingThatNeedsThem() throws IOException {
        var folder = copy();
        drop(folder.resolve("forward/odd/model.safetensors"), "model.layers.1.mlp.up_proj.weight");
        assertFails(
                folder,
                Set.of("forward odd", "loss first (a)", "sampler traces"),
                "model.layers.1.mlp.up_proj.weight",
                "missing");
    }

    @Test
    void casesWhoseModelWasNotCopiedSayWhereItBelongs() throws IOException {
        var folder = Files.createDirectories(temporary.resolve("part"));
        for (var family : List.of("loss", "sampler")) {
            RecordedFixtures.copy(made.resolve(family), folder.resolve(family));
        }
        assertFails(
                folder,
                Set.of("loss first", "loss second", "sampler traces"),
                folder.resolve("forward/odd") + ": no such folder",
                "copy forward/ to " + folder + " too");
    }

    @Test
    void brokenJsonAndUnknownWordsFailTheirCaseOnly() throws IOException {
        var folder = copy();
        Files.writeString(folder.resolve("loss/second.json"), "{\"model\": ");
        Files.writeString(folder.resolve("sampler/transfer_counts.json"), "{}");
        replace(folder.resolve("sampler/traces.json"), "topk_margin", "best_first");
        replace(folder.resolve("optim/settings.json"), "\"scale_parameter\": false", "\"scale_parameter\": true");
        replace(folder.resolve("optim/lr_schedules.json"), "constant_with_warmup", "sawtooth");
        replace(folder.resolve("train/adamw.json"), "\"silu\"", "\"gelu\"");
        replace(folder.resolve("forward/shared/case.json"), "causal", "sideways");
        assertFails(
                folder,
                Set.of(
                        "forward shared",
                        "loss second",
                        "sampler traces/1 best_first 5 steps",
                        "sampler transfer_counts",
                        "optim adafactor",
                        "optim lr_schedules/sawtooth",
                        "train adamw"),
                "sideways");
    }

    @Test
    void tokensOutsideTheVocabularyAreRefused() throws IOException {
        var folder = copy();
        for (var file : List.of("forward/odd/expected.safetensors", "loss/first.safetensors")) {
            rewrite(folder.resolve(file), (tensor, writer) -> {
                if (tensor.name.equals("input_ids") || tensor.name.equals("noisy_ids")) {
                    tensor.bytes.set(ValueLayout.JAVA_INT_UNALIGNED, 8, MadeFixtures.VOCABULARY);
                }
                tensor.addTo(writer);
            });
        }
        assertFails(
                folder,
                Set.of("forward odd", "loss first (a)", "loss first (b) draws"),
                "element 2 is 43, outside the vocabulary of 43");
    }
}
