package io.coda4j.coder.tokenizer;

import io.coda4j.coder.files.AtomicFile;
import io.coda4j.coder.files.FileException;
import io.coda4j.coder.tokenizer.BpeModel.Merge;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.PatternSyntaxException;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads and writes Hugging Face tokenizer files of the byte-level BPE kind.
 *
 * <p>Reading is strict: a component that would change the ids and is not supported (another normaliser, a post-processor
 * that adds tokens, dropout) is an error that names it, because ids that are slightly wrong are worse than none. The
 * {@code truncation} and {@code padding} sections are ignored; encoding here never cuts or fills.
 */
public final class TokenizerJson {
    /** How merges are written. */
    public enum MergeEncoding {
        /** {@code "a b"}, which every version of the Hugging Face library reads. */
        STRINGS,
        /** {@code ["a","b"]}, as newer versions write. */
        PAIRS
    }

    private static final JsonMapper MAPPER = new JsonMapper();

    private TokenizerJson() {}

    /**
     * Reads a {@code tokenizer.json}, or a folder with one, or a folder with {@code vocab.json} and {@code merges.txt}.
     *
     * @throws TokenizerException naming file, place and what is wrong
     */
    public static BpeTokenizer read(Path fileOrFolder) {
        if (!Files.isDirectory(fileOrFolder)) {
            return readFile(fileOrFolder, TokenRoles.CODA);
        }
        Path json = fileOrFolder.resolve("tokenizer.json");
        return Files.exists(json)
                ? readFile(json, TokenizerFolder.roles(fileOrFolder))
                : TokenizerFolder.readVocabAndMerges(fileOrFolder);
    }

    private static BpeTokenizer readFile(Path file, TokenRoles roles) {
        var reader = BpeReader.read(file);
        var root = reader.root();
        var bpe = root.field("model");
        requireType(bpe, "BPE");
        boolean nfc = readNormalizer(root);
        TextSplitter splitter = readPreTokenizer(root.field("pre_tokenizer"), nfc);
        root.optional("post_processor").ifPresent(p -> requireType(p, "ByteLevel"));
        requireType(root.field("decoder"), "ByteLevel");
        var added = root.optional("added_tokens").map(JsonCursor::elements).orElse(List.of()).stream()
                .map(t -> readAddedToken(t, t.field("id").id()))
                .toList();
        requirePlain(bpe);
        var model = reader.model();
        var tokenizer = assemble(file, model, splitter, added, roles);
        requireIdsAsCounted(root, model, added);
        return tokenizer;
    }

    /**
     * The Hugging Face library goes by the order of added tokens and not by their ids: those that are not in the vocabulary
     * are numbered from its size on. Another id in the file would be another one than the library uses.
     */
    private static void requireIdsAsCounted(JsonCursor root, BpeModel model, List<AddedToken> added) {
        int next = model.vocabulary().size();
        for (int i = 0; i < added.size(); i++) {
            var token = added.get(i);
            if (model.vocabulary().containsKey(token.content())) {
                continue;
            }
            if (token.id() != next) {
                throw root.field("added_tokens")
                        .elements()
                        .get(i)
                        .field("id")
                        .error("the added token '" + token.content()
                                + "' has the id " + token.id() + ", but the Hugging Face library would give it " + next
                                + "; added tokens must follow the vocabulary and each other without a gap");
            }
            next++;
        }
    }

    /** Builds a tokenizer and adds the file's name to complaints about its tokens. */
    static BpeTokenizer assemble(
            Path file, BpeModel model, TextSplitter splitter, List<AddedToken> added, TokenRoles roles) {
        try {
            return new BpeTokenizer(model, splitter, added, roles);
        } catch (TokenizerException e) {
            throw new TokenizerException(file + ": " + e.getMessage(), e);
        }
    }

    private static void requireType(JsonCursor component, String type) {
        var found = component.field("type");
        if (!found.string().equals(type)) {
            throw found.error("unsupported " + component.key() + " '" + found.string() + "', only " + type);
        }
    }

    private static boolean readNormalizer(JsonCursor root) {
        Optional<JsonCursor> normalizer = root.optional("normalizer");
        normalizer.ifPresent(n -> requireType(n, "NFC"));
        return normalizer.isPresent();
    }

    private static TextSplitter readPreTokenizer(JsonCursor sequence, boolean nfc) {
        requireType(sequence, "Sequence");
        var steps = sequence.field("pretokenizers");
        if (steps.elements().size() != 2) {
            throw steps.error("expected the two steps Split and ByteLevel, found "
                    + steps.elements().size());
        }
        var split = steps.elements().getFirst();
        var byteLevel = steps.elements().getLast();
        requireType(split, "Split");
        requireType(byteLevel, "ByteLevel");
        byteLevel.requireUnset("add_prefix_space", false);
        byteLevel.requireSet("use_regex", false);
        split.requireUnset("invert", false);
        var behavior = split.field("behavior");
        if (!behavior.string().equals("Isolated")) {
            throw behavior.error("unsupported behavior '" + behavior.string() + "', only Isolated");
        }
        return readPattern(split.field("pattern").field("Regex"), nfc);
    }

    private static TextSplitter readPattern(JsonCursor regex, boolean nfc) {
        String pattern = regex.string();
        try {
            var splitter = TextSplitter.of(pattern, nfc);
            int different = PatternDialect.firstDifference(pattern);
            if (different >= 0) {
                throw regex.error(
                        "the pattern may split text in another way here than in the Hugging Face library, from '"
                                + pattern.substring(different) + "' on, at index " + different
                                + "; write it with plain classes such as [a-z\\p{L}\\s]");
            }
            return splitter;
        } catch (PatternSyntaxException e) {
            throw regex.error("the pattern is not a regular expression that Java understands: " + e.getDescription()
                    + " near index " + e.getIndex());
        }
    }

    private static void requirePlain(JsonCursor bpe) {
        for (String name : List.of("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix")) {
            bpe.optional(name)
                    .filter(v -> !v.isString() || !v.string().isEmpty())
                    .ifPresent(v -> {
                        throw v.error(name + " is not supported; it must be null");
                    });
        }
        bpe.requireUnset("byte_fallback", false);
        bpe.requireUnset("ignore_merges", false);
    }

    static AddedToken readAddedToken(JsonCursor token, int id) {
        for (String name : List.of("single_word", "lstrip", "rstrip")) {
            token.requireUnset(name, false);
        }
        String content = token.field("content").string();
        if (content.isEmpty()) {
            throw token.field("content").error("an added token cannot be empty");
        }
        boolean special = token.boolOr("special", false);
        return new AddedToken(id, content, special, token.boolOr("normalized", !special));
    }

    /** Writes {@code tokenizer.json} and the {@code tokenizer_config.json} that names pad, end and mask to a folder. */
    public static void writeFolder(BpeTokenizer tokenizer, Path folder) {
        write(tokenizer, folder.resolve("tokenizer.json"));
        var roles = tokenizer.roles();
        var config = JsonNodeFactory.instance.objectNode();
        config.put("tokenizer_class", "PreTrainedTokenizerFast")
                .put("clean_up_tokenization_spaces", false)
                .put("pad_token", roles.pad())
                .put("eos_token", roles.eos())
                .put("mask_token", roles.mask());
        writeTree(config, folder.resolve("tokenizer_config.json"));
    }

    /** Writes a {@code tokenizer.json} with merges as strings. */
    public static void write(BpeTokenizer tokenizer, Path file) {
        write(tokenizer, file, MergeEncoding.STRINGS);
    }

    /**
     * Writes a {@code tokenizer.json} that the Hugging Face library loads with the same ids.
     *
     * @throws FileException if the file cannot be written; an older file is then unchanged
     */
    public static void write(BpeTokenizer tokenizer, Path file, MergeEncoding encoding) {
        var root = JsonNodeFactory.instance.objectNode();
        root.put("version", "1.0").putNull("truncation").putNull("padding");
        var added = root.putArray("added_tokens");
        for (AddedToken token : tokenizer.addedTokens()) {
            added.addObject()
                    .put("id", token.id())
                    .put("content", token.content())
                    .put("single_word", false)
                    .put("lstrip", false)
                    .put("rstrip", false)
                    .put("normalized", token.normalized())
                    .put("special", token.special());
        }
        if (tokenizer.normalizesToNfc()) {
            root.putObject("normalizer").put("type", "NFC");
        } else {
            root.putNull("normalizer");
        }
        writePreTokenizer(root.putObject("pre_tokenizer"), tokenizer.pattern());
        putByteLevel(root.putObject("post_processor"));
        putByteLevel(root.putObject("decoder"));
        writeModel(root.putObject("model"), tokenizer.model(), encoding);
        writeTree(root, file);
    }

    private static void writePreTokenizer(ObjectNode preTokenizer, String pattern) {
        var steps = preTokenizer.put("type", "Sequence").putArray("pretokenizers");
        var split = steps.addObject().put("type", "Split");
        split.putObject("pattern").put("Regex", pattern);
        split.put("behavior", "Isolated").put("invert", false);
        putByteLevel(steps.addObject());
    }

    private static void putByteLevel(ObjectNode component) {
        component
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", false)
                .put("use_regex", false);
    }

    private static void writeModel(ObjectNode node, BpeModel model, MergeEncoding encoding) {
        node.put("type", "BPE")
                .putNull("dropout")
                .putNull("unk_token")
                .putNull("continuing_subword_prefix")
                .putNull("end_of_word_suffix")
                .put("fuse_unk", false)
                .put("byte_fallback", false)
                .put("ignore_merges", false);
        var vocab = node.putObject("vocab");
        var byId = new ArrayList<>(model.vocabulary().entrySet());
        byId.sort(Comparator.comparingInt(Map.Entry::getValue));
        byId.forEach(e -> vocab.put(e.getKey(), e.getValue()));
        var merges = node.putArray("merges");
        for (Merge merge : model.merges()) {
            switch (encoding) {
                case STRINGS -> merges.add(merge.left() + " " + merge.right());
                case PAIRS -> merges.addArray().add(merge.left()).add(merge.right());
            }
        }
    }

    private static void writeTree(ObjectNode tree, Path file) {
        Path target = file.toAbsolutePath();
        AtomicFile.createFolder(target.getParent());
        AtomicFile.write(target, MAPPER.writerWithDefaultPrettyPrinter().writeValueAsBytes(tree));
    }
}
