package io.coda4j.coder.tokenizer;

import io.coda4j.coder.tokenizer.BpeModel.Merge;
import io.coda4j.nn.files.FailureReason;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * Reads the older layout of a tokenizer: {@code vocab.json}, {@code merges.txt} and, where they are there,
 * {@code added_tokens.json}, {@code special_tokens_map.json} and {@code tokenizer_config.json}.
 */
final class TokenizerFolder {
    private static final Set<String> CLASSES = Set.of("Qwen2Tokenizer", "Qwen2TokenizerFast");

    private TokenizerFolder() {}

    static BpeTokenizer readVocabAndMerges(Path folder) {
        Path vocabFile = folder.resolve("vocab.json");
        Path mergesFile = folder.resolve("merges.txt");
        if (!Files.exists(vocabFile) || !Files.exists(mergesFile)) {
            throw new TokenizerException(
                    folder + ": holds no tokenizer; expected tokenizer.json, or vocab.json and merges.txt");
        }
        var vocabulary = BpeReader.readVocabulary(vocabFile);
        var lines = readMerges(mergesFile);
        BpeModel model;
        try {
            model = new BpeModel(
                    vocabulary, lines.stream().map(MergeLine::merge).toList());
        } catch (BpeModel.Invalid e) {
            throw e.rank() < 0
                    ? JsonCursor.root(vocabFile).error(e.problem())
                    : error(mergesFile, lines.get(e.rank()).number(), e.problem());
        }
        // These files do not hold the pattern: it is known by the tokenizer's class.
        optionalJson(folder, "tokenizer_config.json").ifPresent(TokenizerFolder::requireQwen2);
        return TokenizerJson.assemble(
                folder, model, TextSplitter.of(TextSplitter.QWEN2, true), addedTokens(folder), roles(folder));
    }

    private record MergeLine(int number, Merge merge) {}

    private static List<MergeLine> readMerges(Path file) {
        List<String> lines;
        try {
            lines = Files.readAllLines(file);
        } catch (IOException e) {
            throw new TokenizerException(file + ": cannot be read as UTF-8 text: " + FailureReason.of(e), e);
        }
        var merges = new ArrayList<MergeLine>(lines.size());
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i);
            if (line.isEmpty() || (i == 0 && line.startsWith("#version"))) {
                continue;
            }
            int number = i + 1;
            var merge = BpeReader.parseMerge(line);
            merges.add(new MergeLine(
                    number,
                    merge.orElseThrow(() ->
                            error(file, number, "expected two tokens with one space between, found '" + line + "'"))));
        }
        return merges;
    }

    private static TokenizerException error(Path file, int line, String message) {
        return new TokenizerException(file + ": line " + line + ": " + message);
    }

    private static void requireQwen2(JsonCursor config) {
        config.optional("tokenizer_class").ifPresent(name -> {
            if (!CLASSES.contains(name.string())) {
                throw name.error("unsupported tokenizer_class '" + name.string()
                        + "', only Qwen2Tokenizer; use a folder with tokenizer.json instead");
            }
        });
        config.requireUnset("add_prefix_space", false);
        config.requireUnset("add_bos_token", false);
    }

    /** Joins the two places that list added tokens; they must agree where both name a token. */
    private static List<AddedToken> addedTokens(Path folder) {
        var byContent = new TreeMap<String, AddedToken>();
        optionalJson(folder, "tokenizer_config.json")
                .flatMap(config -> config.optional("added_tokens_decoder"))
                .map(JsonCursor::members)
                .orElse(List.of())
                .forEach(member -> {
                    var token = TokenizerJson.readAddedToken(member.value(), idOf(member));
                    if (byContent.put(token.content(), token) != null) {
                        throw member.value().error("'" + token.content() + "' is listed twice");
                    }
                });
        Set<String> special = specialContents(folder);
        optionalJson(folder, "added_tokens.json")
                .map(JsonCursor::members)
                .orElse(List.of())
                .forEach(member -> {
                    int id = member.value().id();
                    var known = byContent.computeIfAbsent(
                            member.name(), content -> AddedToken.raw(id, content, special.contains(content)));
                    if (known.id() != id) {
                        throw member.value()
                                .error("id " + id + " differs from " + known.id() + " in tokenizer_config.json");
                    }
                });
        return List.copyOf(byContent.values());
    }

    private static int idOf(JsonCursor.Member member) {
        try {
            int id = Integer.parseInt(member.name());
            if (id >= 0) {
                return id;
            }
        } catch (NumberFormatException e) {
            throw member.value().error("the key must be a token id, found '" + member.name() + "'");
        }
        throw member.value().error("the id " + member.name() + " is negative");
    }

    private static Set<String> specialContents(Path folder) {
        var contents = new HashSet<String>();
        optionalJson(folder, "special_tokens_map.json").map(JsonCursor::members).orElse(List.of()).stream()
                .map(JsonCursor.Member::value)
                .flatMap(value -> value.node().isArray() ? value.elements().stream() : List.of(value).stream())
                .forEach(value -> contents.add(contentOf(value)));
        return contents;
    }

    /** Returns the roles that the configuration names, each CoDA's own where it names none. */
    static TokenRoles roles(Path folder) {
        var config = optionalJson(folder, "tokenizer_config.json");
        var map = optionalJson(folder, "special_tokens_map.json");
        return new TokenRoles(
                role(config, map, "pad_token", TokenRoles.CODA.pad()),
                role(config, map, "eos_token", TokenRoles.CODA.eos()),
                role(config, map, "mask_token", TokenRoles.CODA.mask()));
    }

    private static String role(Optional<JsonCursor> config, Optional<JsonCursor> map, String name, String otherwise) {
        return config.flatMap(c -> c.optional(name))
                .or(() -> map.flatMap(c -> c.optional(name)))
                .map(TokenizerFolder::contentOf)
                .orElse(otherwise);
    }

    /** A token is named by its text or by an object with the text in {@code content}. */
    private static String contentOf(JsonCursor token) {
        return token.isString() ? token.string() : token.field("content").string();
    }

    private static Optional<JsonCursor> optionalJson(Path folder, String name) {
        Path file = folder.resolve(name);
        return Files.exists(file) ? Optional.of(JsonCursor.parse(file)) : Optional.empty();
    }
}
