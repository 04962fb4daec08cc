package io.coda4j.coder.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.coder.files.FileException;
import io.coda4j.coder.tokenizer.TokenizerJson.MergeEncoding;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

final class TokenizerJsonTest {
    private static final JsonMapper MAPPER = new JsonMapper();

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(MergeEncoding.class)
    void writtenFileReadsBackAsTheSameTokenizer(MergeEncoding encoding) {
        var ours = Samples.tokenizer();
        Path file = folder.resolve("tokenizer.json");
        TokenizerJson.write(ours, file, encoding);
        assertSame(ours, TokenizerJson.read(file));
        assertSame(ours, TokenizerJson.read(folder));
    }

    @Test
    void byteOrderMarkIsSkipped() throws IOException {
        Path file = folder.resolve("tokenizer.json");
        TokenizerJson.write(Samples.tokenizer(), file);
        Files.writeString(file, "\uFEFF" + Files.readString(file));
        assertSame(Samples.tokenizer(), TokenizerJson.read(file));
    }

    private static void assertSame(BpeTokenizer expected, BpeTokenizer actual) {
        assertEquals(expected.model().vocabulary(), actual.model().vocabulary());
        assertEquals(expected.model().merges(), actual.model().merges());
        assertEquals(expected.addedTokens(), actual.addedTokens());
        assertEquals(expected.pattern(), actual.pattern());
        assertEquals(expected.roles(), actual.roles());
        var random = new Random(1);
        for (int i = 0; i < 200; i++) {
            String text = Samples.randomText(random);
            assertArrayEquals(expected.encode(text), actual.encode(text));
        }
    }

    @Test
    void vocabAndMergesFolderEqualsTheJsonFile() throws IOException {
        var ours = Samples.tokenizer();
        writeOldLayout(ours);
        assertSame(ours, TokenizerJson.read(folder));
    }

    private void writeOldLayout(BpeTokenizer ours) throws IOException {
        MAPPER.writeValue(folder.resolve("vocab.json"), ours.model().vocabulary());
        String merges = ours.model().merges().stream()
                .map(m -> m.left() + " " + m.right() + "\n")
                .collect(Collectors.joining());
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n" + merges);
        MAPPER.writeValue(
                folder.resolve("added_tokens.json"),
                ours.addedTokens().stream().collect(Collectors.toMap(AddedToken::content, AddedToken::id)));
        Files.writeString(folder.resolve("special_tokens_map.json"), """
                {"pad_token": "<|endoftext|>", "eos_token": {"content": "<|im_end|>"}, "mask_token": "<|mask|>",
                 "additional_special_tokens": ["<|im_start|>"]}""");
    }

    @Test
    void brokenMergesFileNamesTheLine() throws IOException {
        writeOldLayout(Samples.tokenizer());
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\na b\n");
        assertMessage(() -> TokenizerJson.read(folder), "merges.txt: line 2", "'ab'");
        Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\nabc\n");
        assertMessage(() -> TokenizerJson.read(folder), "merges.txt: line 2", "one space");
        Files.write(folder.resolve("merges.txt"), new byte[] {'a', ' ', (byte) 0xFF});
        assertMessage(() -> TokenizerJson.read(folder), "merges.txt", "some of its bytes are no character");
    }

    @Test
    void contradictingAddedTokenFilesAreRefused() throws IOException {
        writeOldLayout(Samples.tokenizer());
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"added_tokens_decoder": {"777": {"content": "<|mask|>", "special": true}}}""");
        assertMessage(() -> TokenizerJson.read(folder), "added_tokens.json: at /<|mask|>", "777");
    }

    /** As the Hugging Face library takes it: what is not special is normalised unless the file says otherwise. */
    @Test
    void addedTokensThatDoNotSayAreNormalizedWhereTheyAreNotSpecial() throws IOException {
        writeOldLayout(Samples.tokenizer());
        Files.writeString(folder.resolve("tokenizer_config.json"), """
                {"added_tokens_decoder": {
                  "334": {"content": "<think>"},
                  "335": {"content": "</think>", "normalized": false},
                  "333": {"content": "<|mask|>", "special": true}}}""");
        var tokens = TokenizerJson.read(folder).addedTokens();
        assertEquals(
                List.of(
                        AddedToken.raw(333, "<|mask|>", true),
                        new AddedToken(334, "<think>", false, true),
                        AddedToken.raw(335, "</think>", false)),
                tokens.stream().filter(token -> token.id() >= 333).toList());
    }

    @Test
    void otherTokenizerClassesAreNamed() throws IOException {
        writeOldLayout(Samples.tokenizer());
        Files.writeString(folder.resolve("tokenizer_config.json"), "{\"tokenizer_class\": \"GPT2Tokenizer\"}");
        assertMessage(() -> TokenizerJson.read(folder), "tokenizer_class", "GPT2Tokenizer");
    }

    @Test
    void emptyFolderSaysWhatWasLookedFor() {
        assertMessage(() -> TokenizerJson.read(folder), "tokenizer.json", "merges.txt");
    }

    @Test
    void missingFileIsNamed() {
        assertMessage(() -> TokenizerJson.read(folder.resolve("no.json")), "no.json", "no such file");
    }

    @Test
    void syntaxErrorNamesLineAndColumn() throws IOException {
        Path file = Files.writeString(folder.resolve("t.json"), "{\n  \"model\": nul\n}");
        assertMessage(() -> TokenizerJson.read(file), "t.json: line 2");
        Files.writeString(file, "");
        assertMessage(() -> TokenizerJson.read(file), "t.json: the file is empty");
        Files.write(file, new byte[] {'{', '"', (byte) 0xC3, '"', ':', '1', '}'});
        assertMessage(() -> TokenizerJson.read(file), "t.json: is not UTF-8 text");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'a': 1, 'a': 2}",
                "{'a': {'b': 1, 'b': 2}}",
                "{'model': {'type': 'BPE', 'type': 'BPE'}}",
                "{'model': {'vocab': {'a': 1, 'a': 1}}}",
                "{'model': {'vocab': {}, 'vocab': {}}}",
                "{'model': {'merges': [], 'merges': []}}",
                "{'model': {'merges': [{'a': 1, 'a': 2}]}}",
                "{} {}",
                "{'model': {'vocab': {'a': 1",
                "{'model': {'merges': ['a b'"
            })
    void whatAnotherReaderMightTakeHalfOfIsRefusedWithItsLine(String json) throws IOException {
        Path file = Files.writeString(folder.resolve("t.json"), "\n" + json.replace('\'', '"'));
        assertMessage(() -> TokenizerJson.read(file), "t.json: line 2, column ");
    }

    static Stream<Arguments> defects() {
        return Stream.of(
                defect("model missing", t -> t.remove("model"), "'model' is missing"),
                defect("model type", t -> model(t).put("type", "Unigram"), "/model/type", "Unigram"),
                defect("dropout", t -> model(t).put("dropout", 0.1), "/model/dropout"),
                defect("byte fallback", t -> model(t).put("byte_fallback", true), "/model/byte_fallback"),
                defect("no object", t -> t.removeAll(), "'model' is missing"),
                defect("model of another kind", t -> t.put("model", "BPE"), "/model", "an object"),
                defect("vocab type", t -> model(t).putArray("vocab"), "/model/vocab", "an object", "an array"),
                defect("merges type", t -> model(t).putObject("merges"), "/model/merges", "an array", "an object"),
                defect("no vocab", t -> model(t).remove("vocab"), "/model", "'vocab' is missing"),
                defect("no merges", t -> model(t).remove("merges"), "/model", "'merges' is missing"),
                defect(
                        "other model with other vocab",
                        t -> model(t).put("type", "Unigram").putArray("vocab"),
                        "/model/type",
                        "Unigram"),
                defect("negative id", t -> vocab(t).put("a", -1), "/model/vocab/a", "-1"),
                defect("fractional id", t -> vocab(t).put("a", 1.5), "/model/vocab/a", "1.5"),
                defect("string id", t -> vocab(t).put("a", "7"), "/model/vocab/a", "\"7\""),
                defect("huge id", t -> vocab(t).put("a", 2_000_000_000), "/model/vocab/a", "2000000000"),
                defect("duplicate id", t -> vocab(t).put("a", 0), "/model/vocab/", "id 0 is already taken"),
                defect("missing byte", t -> vocab(t).remove("Ċ"), "/model/vocab", "0x0A"),
                defect("not byte level", t -> vocab(t).put("▁the", 900), "▁the"),
                defect("merge of unknown", t -> merges(t).add("Q ZZ"), "/model/merges/74", "'ZZ'"),
                defect("merge to unknown", t -> merges(t).add("Q Z"), "/model/merges/74", "'QZ'"),
                defect("merge twice", t -> merges(t).add(merges(t).get(0)), "/model/merges/74", "twice"),
                defect("merge of three", t -> merges(t).add("a b c"), "/model/merges/74", "'a b c'"),
                defect("merge array of one", t -> merges(t).addArray().add("a"), "/model/merges/74", "found 1"),
                defect(
                        "merge array of numbers",
                        t -> merges(t).addArray().add(1).add(2),
                        "/model/merges/74/0",
                        "a string"),
                defect("merge number", t -> merges(t).add(4), "/model/merges/74", "an array", "4"),
                defect("normalizer", t -> t.putObject("normalizer").put("type", "NFKC"), "/normalizer/type", "NFKC"),
                defect("normalizer type", t -> t.put("normalizer", "NFC"), "/normalizer", "an object"),
                defect("no pre-tokenizer", t -> t.putNull("pre_tokenizer"), "/pre_tokenizer", "null"),
                defect(
                        "pre-tokenizer",
                        t -> t.putObject("pre_tokenizer").put("type", "Whitespace"),
                        "/pre_tokenizer/type",
                        "Whitespace"),
                defect("behavior", t -> split(t).put("behavior", "Removed"), "/pre_tokenizer/pretokenizers/0/behavior"),
                defect(
                        "second split unless forbidden",
                        t -> byteLevel(t).remove("use_regex"),
                        "/pre_tokenizer/pretokenizers/1",
                        "'use_regex' is missing"),
                defect(
                        "second split",
                        t -> byteLevel(t).put("use_regex", true),
                        "/pre_tokenizer/pretokenizers/1/use_regex",
                        "use_regex true is not supported, only false"),
                defect("pattern", t -> split(t).putObject("pattern").put("Regex", "(a"), "pattern/Regex", "Java"),
                defect(
                        "pattern that Java reads otherwise",
                        t -> split(t).putObject("pattern").put("Regex", "[a-z]+|\\h+"),
                        "pattern/Regex",
                        "from '\\h+' on, at index 7"),
                defect("added behind a gap", t -> last(t).put("id", 777), "/added_tokens/5/id", "777", "335"),
                defect("string pattern", t -> split(t).putObject("pattern").put("String", "a"), "'Regex' is missing"),
                defect(
                        "post-processor",
                        t -> t.putObject("post_processor").put("type", "TemplateProcessing"),
                        "Template"),
                defect("decoder", t -> t.putObject("decoder").put("type", "WordPiece"), "/decoder/type", "WordPiece"),
                defect("added id", t -> added(t).put("id", "x"), "/added_tokens/0/id"),
                defect("added taken id", t -> added(t).put("id", 5), "share id 5"),
                defect("added without content", t -> added(t).remove("content"), "/added_tokens/0", "'content'"),
                defect("added empty", t -> added(t).put("content", ""), "/added_tokens/0/content", "empty"),
                defect("added lstrip", t -> added(t).put("lstrip", true), "/added_tokens/0/lstrip"),
                defect("added twice", t -> added(t).put("content", "<|mask|>"), "'<|mask|>' is listed twice"),
                defect("added contradicts vocabulary", t -> added(t).put("content", "a"), "'a' has id 330", "64"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("defects")
    void defectIsNamedWithItsPlace(String name, Consumer<ObjectNode> damage, String[] words) throws IOException {
        Path file = folder.resolve("tokenizer.json");
        TokenizerJson.write(Samples.tokenizer(), file);
        var tree = (ObjectNode) MAPPER.readTree(Files.readAllBytes(file));
        damage.accept(tree);
        Files.write(file, MAPPER.writeValueAsBytes(tree));
        assertMessage(
                () -> TokenizerJson.read(file),
                Stream.concat(Stream.of("tokenizer.json: "), Stream.of(words)).toArray(String[]::new));
    }

    private static Arguments defect(String name, Consumer<ObjectNode> damage, String... words) {
        return Arguments.of(name, damage, words);
    }

    private static ObjectNode model(JsonNode tree) {
        return (ObjectNode) tree.get("model");
    }

    private static ObjectNode vocab(JsonNode tree) {
        return (ObjectNode) model(tree).get("vocab");
    }

    private static ArrayNode merges(JsonNode tree) {
        return (ArrayNode) model(tree).get("merges");
    }

    private static ObjectNode split(JsonNode tree) {
        return (ObjectNode) tree.get("pre_tokenizer").get("pretokenizers").get(0);
    }

    private static ObjectNode byteLevel(JsonNode tree) {
        return (ObjectNode) tree.get("pre_tokenizer").get("pretokenizers").get(1);
    }

    private static ObjectNode last(JsonNode tree) {
        return (ObjectNode) tree.get("added_tokens").get(5);
    }

    private static ObjectNode added(JsonNode tree) {
        return (ObjectNode) tree.get("added_tokens").get(0);
    }

    private static void assertMessage(Runnable action, String... words) {
        String message = assertThrows(TokenizerException.class, action::run).getMessage();
        assertTrue(
                Arrays.stream(words).allMatch(message::contains),
                () -> message + " lacks one of " + Arrays.toString(words));
        assertEquals(1, message.lines().count(), message);
    }

    @Test
    void failedWriteLeavesTheOldFileAndNoTemporary() throws IOException {
        Path file = folder.resolve("tokenizer.json");
        Files.createDirectory(file);
        Files.writeString(file.resolve("occupied"), "x");
        var e = assertThrows(FileException.class, () -> TokenizerJson.write(Samples.tokenizer(), file));
        assertTrue(e.getMessage().startsWith(file + ": cannot be written: "), e.getMessage());
        try (var files = Files.list(folder)) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void aTokenizerBelowAFileNamesTheFolderThatCannotBe() throws IOException {
        var below = Files.writeString(folder.resolve("file"), "x").resolve("tokenizer");
        var e = assertThrows(FileException.class, () -> TokenizerJson.writeFolder(Samples.tokenizer(), below));
        assertTrue(e.getMessage().startsWith(below + ": the folder cannot be created: "), e.getMessage());
    }
}
