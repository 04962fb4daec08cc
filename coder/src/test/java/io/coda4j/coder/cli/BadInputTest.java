package io.coda4j.coder.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import io.coda4j.coder.train.SmallRun;
import io.coda4j.nn.safetensors.Safetensors;
import io.coda4j.nn.safetensors.SafetensorsWriter;
import io.coda4j.nn.safetensors.StoredType;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Everything a user can get wrong, from the command line to the bytes of a weight file: each ends with exit code 2 and
 * one line that names the thing, without a stack trace, and leaves every folder as it was.
 */
class BadInputTest {
    private static final JsonMapper MAPPER = new JsonMapper();

    @TempDir
    private static Path root;

    private static SmallRun small;

    @BeforeAll
    static void trainTheModelThatIsDamaged() throws IOException {
        small = new SmallRun(root);
        var recipe = Files.writeString(root.resolve("good.yaml"), small.yaml(2, 1));
        var trained = Invocation.of(
                "train", "--config", recipe.toString(), "--out", goodRun().toString());
        assertEquals(0, trained.code(), trained::toString);
        var filled = Invocation.of(
                "infill", "--model", goodModel().toString(), "--prefix", "int ", "--suffix", ";", "--tokens", "2");
        assertEquals(0, filled.code(), filled::toString);
    }

    private static Path goodRun() {
        return root.resolve("good");
    }

    private static Path goodModel() {
        return goodRun().resolve("model");
    }

    /** Prepares a folder of its own and gives the arguments. */
    @FunctionalInterface
    private interface Setup {
        List<String> arguments(Path work) throws IOException;
    }

    /** Damages something. */
    @FunctionalInterface
    private interface Damage {
        void to(Path path) throws IOException;
    }

    private record Case(String name, Setup setup, List<String> words) {}

    private static Case bad(String name, Setup setup, String... words) {
        return new Case(name, setup, List.of(words));
    }

    private static Stream<DynamicTest> tests(Stream<Case> cases) {
        return cases.map(given -> dynamicTest(given.name, () -> check(given)));
    }

    private static void check(Case given) throws IOException {
        var work = Files.createDirectories(root.resolve("work-" + given.name.replaceAll("\\W+", "-")));
        var arguments = given.setup.arguments(work).toArray(String[]::new);
        var before = Listing.of(work);
        Invocation.of(arguments).complains(Main.USAGE, given.words);
        assertEquals(before, Listing.of(work), "files");
    }

    // The command line.

    private static Case line(String name, List<String> arguments, String... words) {
        return bad(name, work -> arguments, words);
    }

    private static List<String> arguments(String first, String... more) {
        return Stream.concat(Stream.of(first), Arrays.stream(more)).toList();
    }

    private static Case infill(String name, List<String> options, String... words) {
        var all = Stream.concat(Stream.of("infill", "--model", goodModel().toString()), options.stream());
        return line(name, all.toList(), words);
    }

    private static Case hole(String name, List<String> options, String... words) {
        return infill(
                name,
                Stream.concat(Stream.of("--prefix", "int ", "--suffix", ";", "--tokens", "4"), options.stream())
                        .toList(),
                words);
    }

    @TestFactory
    Stream<DynamicTest> commandLine() {
        return tests(Stream.of(
                line("no command", List.of(), "Missing required subcommand"),
                line("unknown command", List.of("trian"), "'trian'", "coda train"),
                line("unknown flag", List.of("train", "--config", "x.yaml", "--sed", "1"), "'--sed'", "--seed"),
                line("required option missing", List.of("train"), "--config"),
                line("model option missing", List.of("generate", "--prompt", "x"), "--model=DIR"),
                line("option without its value", List.of("train", "--config"), "--config"),
                line("seed that is no number", List.of("demo", "--seed", "one"), "--seed", "'one'"),
                line("demo of no steps", List.of("demo", "--steps", "0"), "--steps must be positive", "got 0"),
                line("demo of negative minutes", List.of("demo", "--minutes", "-1"), "--minutes must be positive"),
                line("demo of endless minutes", List.of("demo", "--minutes", "Infinity"), "--minutes"),
                line("demo of no number of minutes", List.of("demo", "--minutes", "NaN"), "--minutes"),
                line(
                        "demo of steps and minutes",
                        List.of("demo", "--steps", "1", "--minutes", "1"),
                        "either --minutes"),
                line(
                        "unknown device",
                        List.of("generate", "--model", "m", "--prompt", "x", "--device", "gpu"),
                        "'gpu'",
                        "cpu"),
                infill("neither file nor prefix", List.of(), "--file", "--prefix"),
                infill("file and prefix", List.of("--file", "f", "--prefix", "p"), "either --file"),
                infill("prefix without tokens", List.of("--prefix", "p"), "--tokens"),
                infill("no tokens", List.of("--prefix", "p", "--tokens", "0"), "got 0"),
                infill(
                        "file and tokens",
                        List.of("--file", "f", "--tokens", "0"),
                        "--tokens has no effect",
                        "[[MASK:n]]"),
                infill("tokens that are no number", List.of("--prefix", "p", "--tokens", "two"), "'two'", "--tokens"),
                hole("device without threads", List.of("--device", "cpu:0"), "cpu:0", "cpu:2"),
                hole("more threads than any machine", List.of("--device", "cpu:99999999"), "cpu:99999999", "1 to 4096"),
                hole("device of no number", List.of("--device", "cpu:x"), "cpu:x", "cpu:2"),
                hole("device of an index that is none", List.of("--device", "opencl:x"), "opencl"),
                hole("no steps", List.of("--steps", "0"), "--steps", "got 0"),
                hole("negative steps", List.of("--steps", "-2"), "--steps", "got -2"),
                hole("unknown algorithm", List.of("--alg", "best"), "--alg", "\"best\"", "entropy"),
                hole("negative temperature", List.of("--temperature", "-1"), "--temperature", "got -1.0"),
                hole("temperature that is no number", List.of("--temperature", "NaN"), "--temperature", "NaN"),
                hole("top-p above 1", List.of("--top-p", "2"), "--top-p", "got 2.0"),
                hole("top-p of 0", List.of("--top-p", "0"), "--top-p", "got 0.0"),
                hole("negative top-k", List.of("--top-k", "-1"), "--top-k", "got -1"),
                hole(
                        "top-k where nothing is drawn",
                        List.of("--alg", "origin", "--top-k", "5"),
                        "--top-k has no effect with --alg origin",
                        "--temperature above 0"),
                hole(
                        "top-p at a temperature as good as 0",
                        List.of("--alg", "origin", "--top-p", "0.9", "--temperature", "1e-50"),
                        "--top-p has no effect with --alg origin",
                        "1.0E-50"),
                hole("negative order temperature", List.of("--alg-temp", "-1"), "--alg-temp", "got -1.0"),
                hole("negative block length", List.of("--block-length", "-1"), "--block", "got -1"),
                hole("unknown rule", List.of("--decode", "best"), "--decode", "\"best\"", "threshold"),
                hole("unknown cache", List.of("--cache", "big"), "--cache", "\"big\"", "prefix"),
                hole("threshold without its rule", List.of("--threshold", "0.5"), "--threshold", "--decode threshold"),
                hole(
                        "negative threshold",
                        List.of("--decode", "threshold", "--threshold", "-1"),
                        "--threshold",
                        "got -1.0"),
                hole(
                        "threshold above 1",
                        List.of("--decode", "threshold", "--threshold", "1.5"),
                        "--threshold",
                        "in [0, 1], got 1.5"),
                hole(
                        "threshold that is no number",
                        List.of("--decode", "threshold", "--threshold", "NaN"),
                        "--threshold",
                        "got NaN"),
                hole("factor of 0", List.of("--decode", "factor", "--factor", "0"), "--factor", "got 0.0"),
                hole(
                        "entropy bound that is no number",
                        List.of("--decode", "eb", "--entropy-bound", "NaN"),
                        "--entropy-bound",
                        "NaN"),
                hole(
                        "steps with a rule",
                        List.of("--decode", "eb", "--steps", "4"),
                        "--steps",
                        "--decode eb",
                        "--decode steps"),
                hole("algorithm with a rule", List.of("--decode", "factor", "--alg", "origin"), "--alg"),
                hole("refresh without a cache", List.of("--refresh", "4"), "--refresh", "--cache"),
                hole("negative refresh", List.of("--cache", "dual", "--refresh", "-1"), "--refresh", "got -1"),
                line("chat without a model", List.of("chat"), "--model=DIR"),
                line(
                        "chat of no tokens",
                        List.of("chat", "--model", goodModel().toString(), "--max-tokens", "0"),
                        "--max-tokens",
                        "got 0"),
                hole("more blocks than steps", List.of("--block-length", "1", "--steps", "2"), "blocks", "2 steps"),
                infill("hole longer than the context", List.of("--prefix", "a", "--tokens", "25"), "sees 24", "got 25"),
                line(
                        "prompt with too many new tokens",
                        List.of("generate", "--model", goodModel().toString(), "--prompt", "x", "--max-tokens", "25"),
                        "25",
                        "24"),
                line(
                        "no new tokens",
                        List.of("generate", "--model", goodModel().toString(), "--prompt", "x", "--max-tokens", "0"),
                        "--max-tokens",
                        "got 0"),
                line(
                        "synth of an unknown model",
                        List.of("synth", "--config", "none", "--out", "o"),
                        "none",
                        "no such"),
                line(
                        "synth into a folder of no name",
                        List.of("synth", "--config", "tiny", "--out", ""),
                        "--out",
                        "a path"),
                line("synth without a folder", List.of("synth", "--config", "tiny"), "--out=DIR"),
                line(
                        "synth of an unknown type",
                        List.of("synth", "--config", "tiny", "--out", "o", "--dtype", "f64"),
                        "--dtype",
                        "f64"),
                line(
                        "synth of empty files",
                        List.of("synth", "--config", "tiny", "--out", "o", "--shard-size", "0"),
                        "--shard-size",
                        "got 0"),
                line(
                        "synth into a model",
                        List.of(
                                "synth",
                                "--config",
                                "tiny",
                                "--out",
                                goodModel().toString()),
                        "already holds a model"),
                line(
                        "synth into a file",
                        List.of("synth", "--config", "tiny", "--out", goodModel() + "/config.json"),
                        "not a folder"),
                line(
                        "synth with the tokenizer of another model",
                        List.of(
                                "synth",
                                "--config",
                                "coda-1.7b",
                                "--out",
                                "o",
                                "--tokenizer",
                                goodModel().toString()),
                        "--tokenizer",
                        "151669"),
                line("parity folder missing", List.of("parity", "no-such-folder"), "no-such-folder")));
    }

    // Texts with holes.

    private static Case text(String name, byte[] text, String... words) {
        return bad(
                name,
                work -> List.of(
                        "infill",
                        "--model",
                        goodModel().toString(),
                        "--file",
                        Files.write(work.resolve("T.java"), text).toString()),
                words);
    }

    private static Case text(String name, String text, String... words) {
        return text(name, text.getBytes(StandardCharsets.UTF_8), words);
    }

    @TestFactory
    Stream<DynamicTest> textsWithHoles() {
        return tests(Stream.of(
                text("empty text", "", "no hole", "[[MASK:n]]"),
                text("text without a hole", "int a;", "no hole", "[[MASK:n]]"),
                text("hole of no number", "int a;\nint [[MASK:x]];", "line 2", "[[MASK:x]]", "[[MASK:16]]"),
                text("hole of no tokens", "[[MASK:0]]", "line 1", "[[MASK:0]]"),
                text("bad hole at the start of a line", "int a;\n\n[[MASK:x]];", "line 3:"),
                text("bad hole at the start of a line of Windows", "int a;\r\n[[MASK:x]];", "line 2:"),
                text("hole of a huge number", "[[MASK:99999999999]]", "[[MASK:99999999999]]"),
                text("holes too far apart", "[[MASK:9]]" + "int a;\n".repeat(30) + "[[MASK:9]]", "the model sees 24"),
                text("text that is not UTF-8", new byte[] {'a', (byte) 0xC3, '('}, "T.java", "not UTF-8"),
                infill("file missing", List.of("--file", "no-such-file"), "no-such-file", "no such file"),
                infill("file that is a folder", List.of("--file", goodRun().toString()), "good", "directory"),
                infill("file without an end", List.of("--file", "/dev/zero"), "/dev/zero", "longer than")));
    }

    // Model folders.

    private static Case model(String name, Damage damage, String... words) {
        return bad(
                name,
                work -> {
                    var model = Listing.copy(goodModel(), work.resolve("model"));
                    damage.to(model);
                    return List.of(
                            "infill",
                            "--model",
                            model.toString(),
                            "--prefix",
                            "int ",
                            "--suffix",
                            ";",
                            "--tokens",
                            "2");
                },
                words);
    }

    private static Case config(String name, Consumer<ObjectNode> change, String... words) {
        return model(name, model -> edit(model.resolve("config.json"), change), withFile("config.json", words));
    }

    private static Case configText(String name, String text, String... words) {
        return model(
                name, model -> Files.writeString(model.resolve("config.json"), text), withFile("config.json", words));
    }

    private static Case tokenizer(String name, Consumer<ObjectNode> change, String... words) {
        return model(name, model -> edit(model.resolve("tokenizer.json"), change), withFile("tokenizer.json", words));
    }

    private static Case tokenizerText(String name, String text, String... words) {
        return model(
                name,
                model -> Files.writeString(model.resolve("tokenizer.json"), text),
                withFile("tokenizer.json", words));
    }

    private static Case weights(String name, Damage damage, String... words) {
        return model(name, model -> damage.to(model.resolve("model.safetensors")), words);
    }

    private static String[] withFile(String file, String... words) {
        return Stream.concat(Stream.of(file + ": "), Arrays.stream(words)).toArray(String[]::new);
    }

    private static void edit(Path file, Consumer<ObjectNode> change) throws IOException {
        var tree = (ObjectNode) MAPPER.readTree(Files.readAllBytes(file));
        change.accept(tree);
        Files.write(file, MAPPER.writeValueAsBytes(tree));
    }

    private static ObjectNode bpe(ObjectNode tokenizer) {
        return (ObjectNode) tokenizer.get("model");
    }

    @TestFactory
    Stream<DynamicTest> modelFolders() {
        return tests(Stream.of(
                line(
                        "model missing",
                        arguments("generate", "--model", "no-such-folder", "--prompt", "x"),
                        "no-such-folder"),
                line(
                        "model that is a file",
                        arguments("generate", "--model", goodModel() + "/config.json", "--prompt", "x"),
                        "config.json",
                        "not a folder"),
                bad(
                        "empty model folder",
                        work -> arguments("generate", "--model", work.toString(), "--prompt", "x"),
                        "config.json",
                        "no such file"),
                model("no weights", model -> Files.delete(model.resolve("model.safetensors")), "model.safetensors"),
                model(
                        "no tokenizer",
                        model -> Files.delete(model.resolve("tokenizer.json")),
                        "tokenizer.json",
                        "merges.txt"),
                model(
                        "tokenizer of another model",
                        model -> edit(model.resolve("config.json"), config -> {
                            config.put("vocab_size", 64);
                            config.put("mask_token_id", 1);
                            config.put("pad_token_id", 2);
                            config.put("eos_token_id", 3);
                        }),
                        "embed_tokens",
                        "[320, 16]",
                        "[64,16]")));
    }

    @TestFactory
    Stream<DynamicTest> configurations() {
        return tests(Stream.of(
                configText("empty configuration", "", "empty"),
                configText("configuration that is no JSON", "{\"vocab_size\": ", "not valid JSON"),
                configText("configuration that is an array", "[1]", "JSON object"),
                configText("configuration with a key twice", "{\"vocab_size\": 1, \"vocab_size\": 2}", "vocab_size"),
                configText("deeply nested configuration", "[".repeat(5000), "not valid JSON"),
                config("size missing", c -> c.remove("hidden_size"), "\"hidden_size\" is missing"),
                config("size of the wrong type", c -> c.put("hidden_size", "16"), "\"hidden_size\"", "\"16\""),
                config("fractional size", c -> c.put("hidden_size", 16.5), "\"hidden_size\"", "16.5"),
                config("negative size", c -> c.put("intermediate_size", -24), "\"intermediate_size\"", "-24"),
                config("size beyond int", c -> c.put("hidden_size", 1L << 40), "\"hidden_size\"", "1099511627776"),
                config(
                        "sizes whose product overflows",
                        c -> {
                            c.put("num_attention_heads", 1 << 20);
                            c.put("num_key_value_heads", 1 << 20);
                            c.put("head_dim", 1 << 20);
                        },
                        "1048576"),
                config("billions of layers", c -> c.put("num_hidden_layers", 2_000_000_000), "layers"),
                config("odd head size", c -> c.put("head_dim", 7), "even", "7"),
                config(
                        "heads that are no multiple",
                        c -> c.put("num_attention_heads", 3).put("num_key_value_heads", 2),
                        "heads (3)",
                        "(2)"),
                config("mask token outside", c -> c.put("mask_token_id", 320), "\"mask_token_id\"", "0..319", "320"),
                config("negative padding token", c -> c.put("pad_token_id", -1), "\"pad_token_id\"", "-1"),
                config("no mask token", c -> c.remove("mask_token_id"), "\"mask_token_id\""),
                model("holes for an autoregressive model", BadInputTest::autoregressive, "autoregressive", "follows"),
                config("unsupported activation", c -> c.put("hidden_act", "gelu"), "\"hidden_act\"", "silu", "gelu"),
                config(
                        "rotary scaling",
                        c -> c.putObject("rope_scaling").put("type", "yarn"),
                        "\"rope_scaling\"",
                        "yarn"),
                config(
                        "rotary parameters that scale",
                        c -> c.putObject("rope_parameters")
                                .put("rope_type", "yarn")
                                .put("factor", 4),
                        "\"rope_parameters\"",
                        "yarn"),
                config(
                        "rotary parameters for each kind of layer",
                        c -> c.putObject("rope_parameters")
                                .putObject("full_attention")
                                .put("rope_theta", 5),
                        "\"rope_parameters\"",
                        "full_attention"),
                config(
                        "negative rotary base among parameters",
                        c -> c.putObject("rope_parameters").put("rope_theta", -1),
                        "\"rope_theta\"",
                        "-1"),
                model(
                        "configuration that is no text",
                        model -> Files.write(model.resolve("config.json"), new byte[] {'{', (byte) 0xFF}),
                        "config.json",
                        "some of its bytes are no character"),
                config(
                        "another architecture",
                        c -> c.putArray("architectures").add("SDARForCausalLM"),
                        "\"architectures\"",
                        "\"SDARForCausalLM\""),
                config(
                        "architecture that is no list",
                        c -> c.put("architectures", "SDARForCausalLM"),
                        "\"architectures\"",
                        "a list"),
                config("another type of model", c -> c.put("model_type", "sdar"), "\"model_type\"", "\"sdar\""),
                config(
                        "attention through a window",
                        c -> c.put("use_sliding_window", true).put("sliding_window", 4),
                        "\"use_sliding_window\"",
                        "expected false"),
                config(
                        "layers that attend through a window",
                        c -> c.putArray("layer_types").add("full_attention").add("sliding_attention"),
                        "\"layer_types\"",
                        "\"sliding_attention\""),
                config("attention biases", c -> c.put("attention_bias", true), "\"attention_bias\""),
                config(
                        "flag of the wrong type",
                        c -> c.put("tie_word_embeddings", "yes"),
                        "\"tie_word_embeddings\"",
                        "\"yes\""),
                config("negative rotary base", c -> c.put("rope_theta", -1), "\"rope_theta\"", "-1"),
                config("norm epsilon that is no number", c -> c.put("rms_norm_eps", "NaN"), "\"rms_norm_eps\"")));
    }

    private static void autoregressive(Path model) throws IOException {
        edit(model.resolve("config.json"), config -> {
            config.putArray("architectures").add("Qwen3ForCausalLM");
            config.put("model_type", "qwen3");
        });
    }

    @TestFactory
    Stream<DynamicTest> tokenizers() {
        return tests(Stream.of(
                tokenizerText("empty tokenizer", "", "empty"),
                tokenizerText("tokenizer that is no JSON", "{\"model\": nul}", "line 1", "not valid JSON"),
                tokenizerText("tokenizer with a key twice", "{\"model\": 1, \"model\": 2}", "line 1", "model"),
                tokenizer("model missing", t -> t.remove("model"), "'model' is missing"),
                tokenizer("vocabulary of the wrong type", t -> bpe(t).putArray("vocab"), "/model/vocab", "an object"),
                tokenizer("negative id", t -> ((ObjectNode) bpe(t).get("vocab")).put("a", -1), "/model/vocab/a", "-1"),
                tokenizer("merges missing", t -> bpe(t).remove("merges"), "'merges' is missing"),
                tokenizer("unsupported kind", t -> bpe(t).put("type", "Unigram"), "/model/type", "Unigram"),
                tokenizer("mask token missing", BadInputTest::withoutMask, "<|mask|>")));
    }

    private static void withoutMask(ObjectNode tokenizer) {
        var added = (ArrayNode) tokenizer.get("added_tokens");
        for (int i = 0; i < added.size(); i++) {
            if (added.get(i).get("content").stringValue().equals("<|mask|>")) {
                // Renamed and not removed, which would leave a gap before the tokens behind it.
                ((ObjectNode) added.get(i)).put("content", "<|other|>");
                return;
            }
        }
        throw new AssertionError("the tokenizer has no mask token");
    }

    // Weight files.

    private static void header(Path file, String json, int dataBytes) throws IOException {
        byte[] text = json.getBytes(StandardCharsets.UTF_8);
        var bytes = ByteBuffer.allocate(8 + text.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
        Files.write(file, bytes.putLong(text.length).put(text).array());
    }

    private static Damage tensor(String type, String shape, String offsets) {
        return file -> header(
                file, "{\"w\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":%s}}".formatted(type, shape, offsets), 4);
    }

    private static Damage truncated(long bytes) {
        return file -> {
            try (var channel = Files.newByteChannel(file, StandardOpenOption.WRITE)) {
                channel.truncate(bytes < 0 ? channel.size() + bytes : bytes);
            }
        };
    }

    /** Writes the weights of the good model anew with some of them changed. */
    private static Damage rewritten(TensorChange change) {
        return file -> {
            var writer = new SafetensorsWriter();
            try (var tensors = Safetensors.open(goodModel().resolve("model.safetensors"))) {
                for (var name : tensors.entries().keySet()) {
                    change.write(writer, name, tensors);
                }
                writer.write(file);
            }
        };
    }

    @FunctionalInterface
    private interface TensorChange {
        void write(SafetensorsWriter writer, String name, Safetensors tensors);
    }

    private static void keep(SafetensorsWriter writer, String name, Safetensors tensors) {
        var entry = tensors.entry(name);
        writer.add(name, entry.type(), entry.shape(), tensors.bytes(name));
    }

    private static final String NORM = "model.norm.weight";

    @TestFactory
    Stream<DynamicTest> weightFiles() {
        return tests(Stream.of(
                weights("empty weights", truncated(0), "model.safetensors", "empty"),
                weights("weights cut in the length", truncated(5), "truncated", "5 bytes"),
                weights("weights cut in the header", truncated(100), "truncated", "header"),
                weights("weights cut in the data", truncated(-1), "truncated"),
                weights(
                        "bytes behind the weights",
                        file -> Files.write(file, new byte[3], StandardOpenOption.APPEND),
                        "3 bytes after"),
                weights(
                        "text instead of weights",
                        file -> Files.writeString(file, "version https://git-lfs"),
                        "not a safetensors file"),
                weights("header that is no JSON", file -> header(file, "{\"w\":", 4), "not valid JSON"),
                weights("header with a key twice", file -> header(file, "{\"w\":{},\"w\":{}}", 4), "\"w\""),
                weights("unknown element type", tensor("F31", "[1]", "[0,4]"), "\"w\"", "F31", "F32"),
                weights("negative dimension", tensor("F32", "[-1]", "[0,4]"), "\"w\"", "-1"),
                weights("shape that overflows", tensor("F32", "[4294967296,4294967296]", "[0,4]"), "\"w\"", "2^63"),
                weights("shape of other bytes", tensor("F32", "[2]", "[0,4]"), "\"w\"", "needs 8 bytes"),
                weights("offsets outside the file", tensor("F32", "[2]", "[0,8]"), "truncated", "\"w\""),
                weights("overlapping tensors", file -> header(file, """
                                {"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},
                                 "b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}""", 4), "\"b\"", "overlaps", "\"a\""),
                weights(
                        "tensor missing",
                        rewritten((writer, name, tensors) -> {
                            if (!name.equals(NORM)) {
                                keep(writer, name, tensors);
                            }
                        }),
                        NORM,
                        "missing"),
                weights(
                        "tensor without a place",
                        rewritten((writer, name, tensors) -> {
                            keep(writer, name, tensors);
                            if (name.equals(NORM)) {
                                writer.add("model.surplus", new float[1], 1);
                            }
                        }),
                        "model.surplus",
                        "config.json"),
                weights(
                        "tensor of another shape",
                        rewritten((writer, name, tensors) -> {
                            if (name.equals(NORM)) {
                                writer.add(name, new float[16], 4, 4);
                            } else {
                                keep(writer, name, tensors);
                            }
                        }),
                        NORM,
                        "[4, 4]",
                        "[16]"),
                weights(
                        "integers as weights",
                        rewritten((writer, name, tensors) -> {
                            if (name.equals(NORM)) {
                                writer.add(name, new int[16], 16);
                            } else {
                                keep(writer, name, tensors);
                            }
                        }),
                        NORM,
                        "I32",
                        "floats"),
                weights(
                        "weights that are no numbers",
                        rewritten((writer, name, tensors) -> {
                            if (name.equals(NORM)) {
                                var nan = new float[16];
                                Arrays.fill(nan, Float.NaN);
                                writer.add(name, nan, 16);
                            } else {
                                keep(writer, name, tensors);
                            }
                        }),
                        "NaN")));
    }

    // Weights in several files.

    private static Case shards(String name, Damage damage, String... words) {
        return model(
                name,
                model -> {
                    Files.delete(model.resolve("model.safetensors"));
                    try (var tensors = Safetensors.open(goodModel().resolve("model.safetensors"))) {
                        var writer = new SafetensorsWriter();
                        tensors.entries().keySet().forEach(tensor -> keep(writer, tensor, tensors));
                        writer.writeSharded(model, 8192);
                    }
                    damage.to(model);
                },
                words);
    }

    @TestFactory
    Stream<DynamicTest> shardedWeights() {
        return tests(Stream.of(
                shards("shard missing", model -> Files.delete(firstShard(model)), "model-00001-of", "missing"),
                shards("shard cut short", model -> truncated(-1).to(firstShard(model)), "model-00001-of", "truncated"),
                shards(
                        "index that is no JSON",
                        model -> Files.writeString(model.resolve("model.safetensors.index.json"), "{"),
                        "index"),
                shards(
                        "index that names a tensor that is not there",
                        model -> edit(
                                model.resolve("model.safetensors.index.json"),
                                index -> ((ObjectNode) index.get("weight_map"))
                                        .put(
                                                "ghost",
                                                firstShard(model).getFileName().toString())),
                        "\"ghost\"",
                        "does not hold it"),
                shards(
                        "index that leads out of the folder",
                        model -> edit(
                                model.resolve("model.safetensors.index.json"),
                                index -> ((ObjectNode) index.get("weight_map")).put(NORM, "../../secret")),
                        "../../secret",
                        "not a plain file name")));
    }

    private static Path firstShard(Path model) {
        try (var files = Files.list(model)) {
            return files.filter(file -> file.getFileName().toString().startsWith("model-00001-of"))
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    // Recipes.

    private static List<String> train(Path recipe, Path out) {
        return List.of("train", "--config", recipe.toString(), "--out", out.toString());
    }

    private static Case recipe(String name, String yaml, String... words) {
        return bad(
                name,
                work -> {
                    var good = small.yaml(2, 1);
                    var recipe = Files.writeString(
                            work.resolve("r.yaml"), yaml.contains("SETTINGS") ? yaml.replace("SETTINGS", good) : yaml);
                    return train(recipe, work.resolve("run"));
                },
                words);
    }

    /** The good recipe with a line replaced or added. */
    private static Case setting(String name, String section, String settings, String... words) {
        return bad(
                name,
                work -> {
                    var lines = small.yaml(2, 1).lines().filter(line -> !line.startsWith(section + ":"));
                    var yaml = Stream.concat(lines, Stream.of(section + ": " + settings))
                            .toList();
                    return train(Files.write(work.resolve("r.yaml"), yaml), work.resolve("run"));
                },
                words);
    }

    @TestFactory
    Stream<DynamicTest> recipes() {
        return tests(Stream.of(
                line("recipe missing", arguments("train", "--config", "no-such.yaml"), "no-such.yaml", "no such file"),
                line("recipe that is a folder", arguments("train", "--config", "src"), "src", "directory"),
                line("recipe without an end", arguments("train", "--config", "/dev/zero"), "/dev/zero", "longer than"),
                recipe("empty recipe", "", "r.yaml", "empty"),
                recipe("recipe of comments", "# nothing\n", "r.yaml", "empty"),
                recipe("recipe that is a list", "- 1\n- 2\n", "r.yaml", "run: {steps: 100}"),
                recipe("tabs in the recipe", "run:\n\tsteps: 2\n", "r.yaml", "line 2"),
                recipe("unbalanced recipe", "run: {steps: 2\n", "r.yaml", "line"),
                recipe("two documents", "seed: 1\n---\nseed: 2\n", "r.yaml"),
                recipe("section twice", "seed: 1\nseed: 2\n", "r.yaml", "seed"),
                recipe("unknown section", "modle: {hidden: 16}\n", "r.yaml", "'modle'", "model"),
                setting("unknown setting", "run", "{steps: 2, minuets: 1}", "r.yaml", "'run.minuets'", "minutes"),
                setting("section that is a number", "model", "5", "r.yaml", "'model'", "5"),
                setting("section without content", "model", "", "r.yaml", "'model'"),
                setting("setting without a value", "model", "{hidden: }", "r.yaml", "'model.hidden'"),
                setting("text for a number", "model", "{hidden: wide}", "'model.hidden'", "whole number", "\"wide\""),
                setting("fraction for a whole number", "batch", "{rows: 2.5}", "'batch.rows'", "2.5"),
                setting("number for a flag", "model", "{tied: 1}", "'model.tied'", "true or false", "1"),
                setting("list for a number", "batch", "{rows: [1]}", "'batch.rows'", "[1]"),
                setting("number beyond int", "model", "{hidden: 99999999999}", "'model.hidden'", "99999999999"),
                setting("unknown name", "optimizer", "{name: sgd}", "'optimizer.name'", "adamw", "sgd"),
                setting("number for a name", "schedule", "{name: 1}", "'schedule.name'", "cosine"),
                setting("negative rows", "batch", "{rows: -1, length: 24}", "batch.rows", "-1"),
                setting("no rows", "batch", "{rows: 0, length: 24}", "batch.rows", "0"),
                setting("neither steps nor minutes", "run", "{checkpointEvery: 1}", "run", "steps", "minutes"),
                setting("steps and minutes", "run", "{steps: 2, minutes: 1}", "run", "steps", "minutes"),
                setting("negative steps", "run", "{steps: -2}", "run", "-2"),
                setting("endless minutes", "run", "{minutes: .inf}", "run", "minutes"),
                setting("negative rhythm", "run", "{steps: 2, checkpointEvery: -1}", "run.checkpointEvery", "-1"),
                setting("no checkpoint to keep", "run", "{steps: 2, keepCheckpoints: 0}", "run.keepCheckpoints"),
                setting("corpus unknown", "corpus", "{source: lang4}", "'lang4'", "lang3", "mix"),
                setting("corpus that is a file", "corpus", "{source: pom.xml}", "pom.xml", "folder"),
                setting("corpus without code", "corpus", "{source: src/test/resources}", "src/test/resources"),
                setting("corpus name with a zero", "corpus", "{source: \"a\\0b\"}", "corpus"),
                setting("small vocabulary", "tokenizer", "{vocabulary: 100}", "tokenizer.vocabulary", "256", "100"),
                setting("odd head size", "model", "{headDim: 7}", "model", "even", "7"),
                setting("heads that are no multiple", "model", "{heads: 3, keyValueHeads: 2}", "heads (3)"),
                setting("negative layers", "model", "{layers: -1}", "model", "-1"),
                setting(
                        "sizes whose product overflows", "model",
                        "{hidden: 16, heads: 1000000, keyValueHeads: 1000000, headDim: 1000000}", "model"),
                setting("huge batch", "batch", "{rows: 1000000, length: 1000000}", "batch"),
                setting("rows longer than the corpus", "batch", "{rows: 3, length: 100000}", "100000"),
                setting("rows longer than the held-out text", "batch", "{rows: 3, length: 1600}", "held-out", "1600"),
                setting("rows of one token", "batch", "{rows: 3, length: 1}", "batch.length", "at least 2"),
                setting("probability above 1", "masking", "{prefix: 1.5}", "masking", "1.5"),
                setting("block of no tokens", "masking", "{block: 0.5, blockSizes: [[0]]}", "masking", "blockSizes"),
                recipe(
                        "phases in a run of minutes",
                        small.yaml(2, 1).replace("[[2, 3]]", "[[2], [3]]").replace("{steps: 2", "{minutes: 1"),
                        "run.steps"),
                setting("beta above 1", "optimizer", "{beta1: 1.5}", "optimizer", "1.5"),
                setting("negative limit of the norm", "optimizer", "{clip: -1}", "optimizer.clip", "-1"),
                setting("negative learning rate", "schedule", "{peak: -1}", "schedule", "-1"),
                setting("learning rate that is no number", "schedule", "{peak: .nan}", "schedule", "NaN"),
                setting("warm-up longer than the run", "schedule", "{warmup: 2}", "schedule.warmup", "2"),
                setting("floor above 1", "schedule", "{floor: 2}", "schedule", "2"),
                setting(
                        "floor of a constant rate",
                        "schedule",
                        "{name: constant, floor: 0.5}",
                        "schedule.floor",
                        "0.5"),
                setting("learning rate beyond F32", "schedule", "{peak: 1.0e+39}", "schedule.peak", "1.0E39"),
                setting("stage without a preset", "masking", "{stage: midtrain}", "masking.stage", "masking.preset"),
                setting("probability beside a preset", "masking", "{preset: fixed, block: 0.5}", "masking.block"),
                setting("ramp of a constant course", "masking", "{rampSteps: 9}", "masking.rampSteps", "linear"),
                setting("sizes of no blocks", "masking", "{blockSizes: [[2]]}", "masking.blockSizes", "masking.block"),
                setting("beta of Adafactor", "optimizer", "{name: adafactor, beta2: 0.5}", "optimizer.beta2", "adamw"),
                setting("decay of a cosine", "schedule", "{decay: 0.5}", "schedule.decay", "wsd"),
                setting("fine-tuning without prompts", "masking", "{stage: finetune}", "masking.stage", "midtrain"),
                setting("no rows per chunk", "loss", "{chunkRows: 0}", "loss.chunkRows", "0")));
    }

    // Folders of runs.

    private static Path copyOfTheRun(Path work) throws IOException {
        return Listing.copy(goodRun(), work.resolve("run"));
    }

    private static List<String> resume(Path run) {
        return List.of("train", "--config", root.resolve("good.yaml").toString(), "--out", run.toString(), "--resume");
    }

    private static Case checkpoint(String name, Damage damage, String... words) {
        return bad(
                name,
                work -> {
                    var run = copyOfTheRun(work);
                    damage.to(run.resolve("checkpoints").resolve("step-000000002"));
                    return resume(run);
                },
                words);
    }

    /** The same bytes, called something else. */
    private static void momentsAs(StoredType type, Path file) {
        var writer = new SafetensorsWriter();
        try (var moments = Safetensors.open(file)) {
            moments.entries().values().forEach(e -> writer.add(e.name(), type, e.shape(), moments.bytes(e.name())));
            writer.write(file);
        }
    }

    private static void position(Path checkpoint, Consumer<ObjectNode> change) throws IOException {
        edit(checkpoint.resolve("position.json"), change);
    }

    @TestFactory
    Stream<DynamicTest> foldersOfRuns() {
        return tests(Stream.of(
                bad(
                        "folder below a file",
                        work -> {
                            var file = Files.writeString(work.resolve("file"), "text");
                            return train(root.resolve("good.yaml"), file.resolve("run"));
                        },
                        "file",
                        "not a folder"),
                bad(
                        "folder that is a file",
                        work -> train(root.resolve("good.yaml"), Files.writeString(work.resolve("file"), "text")),
                        "file",
                        "not a folder"),
                bad(
                        "demo below a file",
                        work -> {
                            var file = Files.writeString(work.resolve("file"), "text");
                            return List.of(
                                    "demo",
                                    "--steps",
                                    "1",
                                    "--corpus",
                                    small.sources().toString(),
                                    "--out",
                                    file + "/run");
                        },
                        "file"),
                bad(
                        "folder that holds a run",
                        work -> train(root.resolve("good.yaml"), copyOfTheRun(work)),
                        "--resume",
                        "--out"),
                bad(
                        "folder of a run without a checkpoint",
                        work -> {
                            var run = Files.createDirectories(work.resolve("run"));
                            Files.copy(goodRun().resolve("metrics.jsonl"), run.resolve("metrics.jsonl"));
                            return train(root.resolve("good.yaml"), run);
                        },
                        "metrics.jsonl",
                        "--resume"),
                bad(
                        "resuming with another recipe",
                        work -> {
                            var run = copyOfTheRun(work);
                            var recipe = Files.writeString(work.resolve("r.yaml"), small.yaml(3, 1));
                            return List.of("train", "--config", recipe.toString(), "--out", run.toString(), "--resume");
                        },
                        "another recipe"),
                bad(
                        "resuming with another seed",
                        work -> Stream.concat(resume(copyOfTheRun(work)).stream(), Stream.of("--seed", "7"))
                                .toList(),
                        "another recipe"),
                bad(
                        "metrics that are no metrics",
                        work -> {
                            var run = copyOfTheRun(work);
                            Files.writeString(run.resolve("metrics.jsonl"), "{\"what\": 1}\n");
                            return resume(run);
                        },
                        "metrics.jsonl",
                        "line 1"),
                bad(
                        "tokenizer of the run missing",
                        work -> {
                            var run = copyOfTheRun(work);
                            Files.delete(run.resolve("model/tokenizer.json"));
                            return resume(run);
                        },
                        "tokenizer.json"),
                checkpoint(
                        "checkpoint without weights",
                        c -> Files.delete(c.resolve("model.safetensors")),
                        "step-000000002",
                        "model.safetensors"),
                checkpoint(
                        "checkpoint with weights cut short",
                        c -> truncated(-1).to(c.resolve("model.safetensors")),
                        "step-000000002",
                        "truncated"),
                checkpoint(
                        "checkpoint with moments cut short",
                        c -> truncated(-1).to(c.resolve("optimizer.safetensors")),
                        "optimizer.safetensors",
                        "truncated"),
                checkpoint(
                        "checkpoint without moments",
                        c -> new SafetensorsWriter()
                                .add("x", new float[1], 1)
                                .write(c.resolve("optimizer.safetensors")),
                        "optimizer.safetensors"),
                checkpoint(
                        "checkpoint with moments of another type",
                        c -> momentsAs(StoredType.I32, c.resolve("optimizer.safetensors")),
                        "step-000000002",
                        "I32 instead of F32"),
                checkpoint(
                        "checkpoint without a position",
                        c -> Files.delete(c.resolve("position.json")),
                        "position.json",
                        "no such file"),
                checkpoint(
                        "checkpoint of another model",
                        c -> edit(c.resolve("config.json"), config -> config.put("rope_theta", 500)),
                        "config.json",
                        "another model"),
                checkpoint("position cut short", c -> truncated(20).to(c.resolve("position.json")), "position.json"),
                checkpoint("position without a step", c -> position(c, p -> p.remove("step")), "position.json", "step"),
                checkpoint("position without a recipe", c -> position(c, p -> p.remove("recipe")), "position.json"),
                checkpoint("position at another step", c -> position(c, p -> p.put("step", -3)), "position.json", "-3"),
                checkpoint(
                        "position with negative rows", c -> position(c, p -> p.put("rows", -3)), "position.json", "-3"),
                checkpoint(
                        "position of another recipe",
                        c -> position(
                                c,
                                p -> p.put(
                                        "recipe", p.get("recipe").stringValue().replace("seed: 5", "seed: 6"))),
                        "position.json",
                        "recipe"),
                checkpoint(
                        "weights of another size",
                        c -> edit(c.resolve("config.json"), config -> config.put("vocab_size", 640)),
                        "step-000000002")));
    }

    @TestFactory
    Stream<DynamicTest> theTableIsLong() {
        var all = Stream.of(
                        commandLine(),
                        textsWithHoles(),
                        modelFolders(),
                        configurations(),
                        tokenizers(),
                        weightFiles(),
                        shardedWeights(),
                        recipes(),
                        foldersOfRuns())
                .mapToLong(Stream::count)
                .sum();
        return Stream.of(dynamicTest("cases", () -> assertTrue(all >= 40)));
    }
}
