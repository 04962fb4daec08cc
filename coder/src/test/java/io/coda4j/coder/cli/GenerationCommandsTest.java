package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.nn.json.Json;
import io.coda4j.tensor.spi.Devices;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** generate, infill and chat on a random model: what they print, with every scheme and rule. */
class GenerationCommandsTest {
    @TempDir
    private static Path work;

    @BeforeAll
    static void writeModels() throws IOException {
        var written = Invocation.of(
                "synth",
                "--config",
                "tiny",
                "--seed",
                "7",
                "--dtype",
                "f32",
                "--out",
                work.resolve("m").toString());
        assertEquals(0, written.code(), written::toString);
        Listing.copy(work.resolve("m"), work.resolve("ar"));
        var config = work.resolve("ar/config.json");
        var text = Files.readString(config)
                .replace("CoDALanguageModel", "Qwen3ForCausalLM")
                .replace("\"model_type\" : \"CoDA\"", "\"model_type\" : \"qwen3\"")
                .replaceFirst("\\s*\"mask_token_id\" : \\d+,", "");
        Files.writeString(config, text);
    }

    private static Invocation run(String command, String model, String... more) {
        var args =
                new ArrayList<>(List.of(command, "--model", work.resolve(model).toString()));
        args.addAll(Arrays.asList(more));
        var invocation = Invocation.of(args.toArray(String[]::new));
        assertEquals(0, invocation.code(), invocation::toString);
        return invocation;
    }

    private static Json.Obj json(String command, String model, String... more) {
        var args = new ArrayList<>(Arrays.asList(more));
        args.add("--json");
        return Json.parse(run(command, model, args.toArray(String[]::new)).out())
                .asObject();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--cache none",
                "--steps 7 --alg topk_margin",
                "--steps 7 --alg origin --top-k 5 --temperature 0.8",
                "--steps 7 --top-p 0.9 --top-k 5",
                "--decode eb --top-p 0.9",
                "--decode threshold --threshold 1",
                "--cache prefix --block 8",
                "--cache dual --block 8",
                "--cache delayed --block 8 --refresh 5",
                "--decode threshold --threshold 0.01",
                "--decode factor --factor 2 --block 10",
                "--decode eb --entropy-bound 9",
                "--cache dual --decode threshold --threshold 0.004 --temperature 0.8 --seed 5",
            })
    void theStreamedTextIsTheOneInTheJson(String options) {
        var with = ("--prompt\0int a\0--max-tokens\0" + "24\0" + options.replace(' ', '\0')).split("\0");
        var fields = json("generate", "m", with);
        assertEquals(
                fields.member("text").asString() + System.lineSeparator(),
                run("generate", "m", with).out());
        assertTrue(fields.member("text").asString().startsWith("int a"));
        int generated = fields.member("generatedTokens").asInt();
        int forwards = fields.member("forwards").asInt();
        assertTrue(forwards >= 1 && forwards <= 24);
        assertEquals(
                fields.member("wholePasses").asInt()
                        + fields.member("windowPasses").asInt(),
                forwards);
        assertEquals(
                generated / (double) forwards, fields.member("tokensPerForward").asDouble(), 1e-9);
        double phases = fields.member("phases").asObject().members().entrySet().stream()
                .filter(phase -> !phase.getKey().equals("load"))
                .mapToDouble(phase -> phase.getValue().asDouble())
                .sum();
        assertEquals(fields.member("seconds").asDouble(), phases, 1e-6);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--cache none", "--cache dual --block 8 --decode threshold --threshold 0.004"})
    void severalPromptsGetWhatEachGetsAlone(String options) {
        var prompts = List.of("int a", "final class Longer {", "x");
        var args = new ArrayList<>(List.of("--max-tokens", "20"));
        args.addAll(List.of(options.split(" ")));
        var alone = new ArrayList<Json.Obj>();
        for (var prompt : prompts) {
            var one = new ArrayList<>(args);
            one.addAll(List.of("--prompt", prompt));
            alone.add(json("generate", "m", one.toArray(String[]::new)));
        }
        prompts.forEach(prompt -> args.addAll(List.of("--prompt", prompt)));
        var together = json("generate", "m", args.toArray(String[]::new));
        var texts = together.member("texts").asList();
        int generated = 0;
        int forwards = 0;
        for (int i = 0; i < alone.size(); i++) {
            var text = texts.get(i).asObject();
            assertEquals(alone.get(i).member("text"), text.member("text"));
            assertEquals(alone.get(i).member("tokens"), text.member("tokens"));
            generated += text.member("generatedTokens").asInt();
            forwards += alone.get(i).member("forwards").asInt();
        }
        assertEquals(generated, together.member("generatedTokens").asInt());
        assertTrue(together.member("forwards").asInt() <= forwards);
        var out = run("generate", "m", args.toArray(String[]::new)).out();
        var expected = alone.stream()
                .map(fields -> fields.member("text").asString())
                .collect(Collectors.joining(System.lineSeparator().repeat(2)));
        assertEquals(expected + System.lineSeparator(), out);
    }

    /** The second is a folder, the third a file, whose text is not the prompt. */
    @Test
    void aPromptMayBeginWithAnAt() throws IOException {
        var file = Files.writeString(work.resolve("Override"), "--seed 5");
        for (var prompt : List.of("@Override", "@" + work, "@" + file)) {
            var text = json("generate", "m", "--prompt", prompt, "--max-tokens", "4")
                    .member("text");
            assertTrue(text.asString().startsWith(prompt), text::toString);
        }
    }

    @Test
    void whatIsAboutOnePromptIsRefusedForSeveral() {
        for (var option : List.of("--watch", "--report-drift")) {
            Invocation.of("generate", "--model", work.resolve("m").toString(), "--prompt", "a", "--prompt", "b", option)
                    .complains(Main.USAGE, List.of(option, "one --prompt"));
        }
    }

    /** Without a processor that multiplies BF16 the default is exact; a checkpoint of BF16 must say what it became. */
    @Test
    void thePrecisionIsChosenByTheCheckpointAndTheDeviceUnlessAskedFor() {
        var folder = work.resolve("narrow").toString();
        var written = Invocation.of("synth", "--config", "tiny", "--seed", "7", "--dtype", "bf16", "--out", folder);
        assertEquals(0, written.code(), written::toString);
        var prompt = new String[] {"--prompt", "int a", "--max-tokens", "8"};
        assertEquals("f32", json("generate", "m", prompt).member("precision").asString());
        var fast = Devices.defaultDevice().hasFastBf16() ? "bf16" : "f32";
        assertEquals(
                fast, json("generate", "narrow", prompt).member("precision").asString());
        for (var asked : List.of("f32", "bf16")) {
            for (var model : List.of("m", "narrow")) {
                var fields = json("generate", model, "--prompt", "int a", "--max-tokens", "8", "--precision", asked);
                assertEquals(asked, fields.member("precision").asString());
                assertTrue(fields.member("text").asString().startsWith("int a"));
            }
        }
        Invocation.of("generate", "--model", folder, "--prompt", "a", "--precision", "fp8")
                .complains(2, List.of("--precision", "fp8", "F32, BF16"));
    }

    @Test
    void driftIsMeasuredAgainstTheExactDecoder() {
        String[] exact = {"--prompt", "int a", "--max-tokens", "20", "--report-drift"};
        var same = json("generate", "m", exact).member("drift").asObject();
        assertEquals(1, same.member("agreement").asDouble());
        assertEquals(-1, same.member("firstDifference").asInt());
        String[] coarse = {
            "--prompt", "int a", "--max-tokens", "20", "--report-drift", "--decode", "threshold", "--threshold", "0"
        };
        var fields = json("generate", "m", coarse);
        assertEquals(1, fields.member("forwards").asInt());
        var drift = fields.member("drift").asObject();
        assertTrue(drift.member("agreement").asDouble() < 1, drift::toString);
        assertTrue(drift.member("firstDifference").asInt() >= 0);
        assertTrue(drift.member("exactForwards").asInt() > 10);
        var text = run("generate", "m", coarse);
        assertTrue(text.err().contains("drift: " + drift.member("equal").asInt() + " of "), text::toString);
    }

    /** Renewed at every step, a cache changes nothing. */
    @Test
    void aCacheRenewedAtEveryStepDoesNotDrift() {
        var fields = json(
                "infill",
                "m",
                "--prefix",
                "int f() {",
                "--suffix",
                "}",
                "--tokens",
                "20",
                "--cache",
                "dual",
                "--block",
                "20",
                "--refresh",
                "1",
                "--report-drift");
        assertEquals(1, fields.member("drift").asObject().member("agreement").asDouble());
        assertEquals("dual", fields.member("cache").asString());
        assertEquals("steps", fields.member("decode").asString());
        assertEquals(20, fields.member("generatedTokens").asInt());
    }

    /** What lies outside the part that the model sees is printed all the same, with characters that cross the borders. */
    @Test
    void textAroundTheWindowIsKept() throws IOException {
        var text = "é日😀 ".repeat(60) + "[[MASK:6]]" + " 😀日é".repeat(60);
        var file = Files.writeString(work.resolve("Long.txt"), text);
        var invocation = run("infill", "m", "--file", file.toString());
        assertTrue(
                invocation
                        .err()
                        .contains("the model sees the last 253 of 600 tokens before the hole and the first 253 of 600"
                                + " tokens after the hole; it sees 512 in all"),
                invocation::toString);
        var filled = invocation.out();
        assertTrue(filled.startsWith("é日😀 ".repeat(60)) && filled.endsWith(" 😀日é".repeat(60)), filled);
        var fields = json("infill", "m", "--file", file.toString());
        assertEquals(filled, fields.member("text").asString());
        assertEquals(694, fields.member("unseenTokens").asInt());
        var hole = fields.member("holes").asList().getFirst().asObject();
        assertEquals(List.of("text", "tokens"), List.copyOf(hole.members().keySet()), "the order in every run");
    }

    /** A prompt of letters that the tokenizer does not merge. */
    private static String prompt(int tokens) {
        return "qwjz".repeat(tokens / 4) + "qwjz".substring(0, tokens % 4);
    }

    @Test
    void aPromptThatTheModelDoesNotSeeWhollyIsToldOf() {
        var generated = run("generate", "m", "--prompt", prompt(60), "--max-tokens", "500", "--steps", "1");
        assertTrue(
                generated
                        .err()
                        .contains("the model sees the last 12 of 60 tokens of the prompt; it sees 512 in all, and"
                                + " --max-tokens takes 500"),
                generated::toString);
        assertTrue(generated.out().startsWith(prompt(60)), generated::toString);
        var fields = json("generate", "m", "--prompt", prompt(60), "--max-tokens", "500", "--steps", "1");
        assertEquals(48, fields.member("unseenTokens").asInt());
        var several = run(
                "generate", "m", "--prompt", prompt(12), "--prompt", prompt(13), "--max-tokens", "500", "--steps", "1");
        assertTrue(several.err().contains("prompt 2: the model sees the last 12 of 13 tokens"), several::toString);
        assertFalse(several.err().contains("prompt 1"), several::toString);
        var whole = run("generate", "m", "--prompt", prompt(12), "--max-tokens", "500", "--steps", "1");
        assertFalse(whole.err().contains("the model sees"), whole::toString);
        var uncut = json("generate", "m", "--prompt", prompt(12), "--max-tokens", "500", "--steps", "1");
        assertEquals(0, uncut.member("unseenTokens").asInt());
    }

    @ParameterizedTest
    @ValueSource(strings = {"m", "ar"})
    void aTextOfWhichTheModelWouldSeeNothingIsRefused(String name) {
        var model = work.resolve(name).toString();
        Invocation.of("generate", "--model", model, "--prompt", prompt(60), "--max-tokens", "512")
                .complains(
                        Main.USAGE,
                        List.of("--max-tokens", "sees 512", "got 512", "60 of the prompt", "lower it, to 452"));
        Invocation.of("generate", "--model", model, "--prompt", prompt(512), "--max-tokens", "512")
                .complains(Main.USAGE, List.of("--max-tokens", "512 of the prompt; lower it"));
        Invocation.of("infill", "--model", model, "--prefix", prompt(60), "--tokens", "512")
                .complains(Main.USAGE, List.of("sees 512", "the holes have 512", "60 given", "--tokens", "shorter"));
    }

    /** Without any text there is nothing to lose. */
    @Test
    void anEmptyPromptLeavesAllPositionsToTheAnswer() {
        var fields = json("generate", "m", "--prompt", "", "--max-tokens", "512", "--steps", "1");
        assertEquals(0, fields.member("unseenTokens").asInt());
    }

    /** The model sees 512 tokens. What is asked for is compared with that before anything of this size is made. */
    @ParameterizedTest
    @ValueSource(strings = {"513", "2147483647"})
    void moreTokensThanTheModelSeesAreRefused(String count) {
        var model = work.resolve("m").toString();
        var generated = Invocation.of("generate", "--model", model, "--prompt", "int a", "--max-tokens", count);
        generated.complains(
                Main.USAGE, List.of("coda: --max-tokens: the model sees 512 tokens", "got " + count, "ask for fewer"));
        var filled = Invocation.of("infill", "--model", model, "--prefix", "int a", "--tokens", count);
        filled.complains(
                Main.USAGE, List.of("coda: --tokens: the model sees 512 tokens", "got " + count, "ask for fewer"));
        var chatted = Invocation.of("chat", "--model", model, "--max-tokens", count);
        chatted.complains(
                Main.USAGE, List.of("coda: --max-tokens: the model sees 512 tokens", "got " + count, "ask for fewer"));
    }

    @Test
    void holesThatReachOverMoreThanTheModelSeesAreRefused() throws IOException {
        var file = Files.writeString(work.resolve("Holes.txt"), "a [[MASK:300]] b [[MASK:300]] c");
        Invocation.of("infill", "--model", work.resolve("m").toString(), "--file", file.toString())
                .complains(Main.USAGE, List.of("the holes reach over", "the model sees 512", "one at a time"));
    }

    @Test
    void autoregressiveModelsContinueWithTheirExactCache() {
        String[] with = {"--prompt", "int a", "--max-tokens", "16", "--report-drift"};
        var fields = json("generate", "ar", with);
        assertEquals(1, fields.member("drift").asObject().member("agreement").asDouble());
        assertTrue(fields.member("windowPasses").asInt() > 0);
        assertEquals("causal", fields.member("cache").asString());
        String[] plain = {"--prompt", "int a", "--max-tokens", "16", "--cache", "none"};
        assertEquals(fields.member("text"), json("generate", "ar", plain).member("text"));
        Invocation.of("generate", "--model", work.resolve("ar").toString(), "--prompt", "x", "--cache", "dual")
                .complains(Main.USAGE, List.of("--cache dual", "autoregressive"));
        Invocation.of("generate", "--model", work.resolve("ar").toString(), "--prompt", "x", "--steps", "4")
                .complains(Main.USAGE, List.of("--steps has no effect", "autoregressive"));
        Invocation.of("generate", "--model", work.resolve("ar").toString(), "--prompt", "x", "--decode", "eb")
                .complains(Main.USAGE, List.of("--decode eb has no effect", "autoregressive"));
        Invocation.of("generate", "--model", work.resolve("ar").toString(), "--prompt", "x", "--top-k", "4")
                .complains(Main.USAGE, List.of("--top-k", "autoregressive", "--temperature"));
        Invocation.of("generate", "--model", work.resolve("ar").toString(), "--prompt", "")
                .complains(Main.USAGE, List.of("prompt is empty"));
    }

    @Test
    void watchingChangesNothing() {
        String[] with = {"--prompt", "int a", "--max-tokens", "12", "--cache", "dual", "--block", "4"};
        String[] watching = Arrays.copyOf(with, with.length + 1);
        watching[with.length] = "--watch";
        var watched = run("generate", "m", watching);
        assertEquals(run("generate", "m", with).out(), watched.out());
        assertTrue(watched.err().contains("12 of 12 tokens filled"), watched::toString);
    }

    private static Invocation chat(String model, String input, String... more) {
        var standardIn = System.in;
        try {
            System.setIn(new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)));
            var args = new ArrayList<>(List.of("--max-tokens", "10"));
            args.addAll(Arrays.asList(more));
            return run("chat", model, args.toArray(String[]::new));
        } finally {
            System.setIn(standardIn);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"m", "ar"})
    void chatAnswersEveryLineAndRemembers(String model) {
        var one = chat(model, "Sort!\n").out().lines().toList();
        var two = chat(model, "Sort!\nAgain!\n").out();
        assertTrue(two.startsWith(String.join("\n", one)), "the first answer does not depend on what follows");
        var forgetful =
                chat(model, "Sort!\n/clear\n\nAgain!\n/exit\nnot read\n").out();
        assertTrue(forgetful.startsWith(String.join("\n", one)));
        assertNotEquals(two, forgetful, "the second answer depends on the first turn");
        assertEquals(
                chat(model, "Again!\n").out(),
                forgetful.substring(chat(model, "Sort!\n").out().length()));
        assertNotEquals(
                chat(model, "Sort!\n").out(),
                chat(model, "Sort!\n", "--system", "Be brief.").out());
    }

    @Test
    void chatForgetsTheOldestTurnsAndRefusesWhatDoesNotFit() {
        // The model sees 512 tokens; each of these messages has about 200.
        var message = "0123456789 ".repeat(18);
        var answered = chat("m", (message + "\n").repeat(4));
        assertEquals(
                "",
                answered.err()
                        .lines()
                        .filter(line -> line.startsWith("coda: "))
                        .findAny()
                        .orElse(""));
        var refused = chat("m", "0123456789 ".repeat(60) + "\nSort!\n");
        assertTrue(refused.err().contains("512"), refused::toString);
        assertEquals(chat("m", "Sort!\n").out(), refused.out(), "what was refused is not remembered");
    }
}
