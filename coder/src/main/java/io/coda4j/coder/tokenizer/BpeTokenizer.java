package io.coda4j.coder.tokenizer;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A byte-level BPE tokenizer: any text to ids, and ids back to the same text (in NFC).
 *
 * <p>Encoding follows the project's specification, model and tokenizer, section 2: added tokens are cut out of the raw
 * text (leftmost, then longest), the rest is normalised to NFC, split by the pattern, spelled in bytes and merged by
 * rank. No token is added at either end. Instances are immutable and safe for use by several threads; they are made by
 * {@link TokenizerJson} or {@link BpeTrainer}.
 */
public final class BpeTokenizer {
    private final BpeModel model;
    private final TextSplitter splitter;
    private final List<AddedToken> added;
    private final TokenRoles roles;
    private final AddedTokenTrie rawTokens;
    private final AddedTokenTrie normalizedTokens;
    private final byte[] @Nullable [] bytesById;
    private final BitSet special = new BitSet();
    private final Map<String, Integer> addedIds = new HashMap<>();
    private final PieceCache cache = new PieceCache();

    /** Joins parts that their reader has checked; fails where added tokens contradict each other or the vocabulary. */
    BpeTokenizer(BpeModel model, TextSplitter splitter, List<AddedToken> addedTokens, TokenRoles roles) {
        this.model = model;
        this.splitter = splitter;
        this.added = addedTokens.stream()
                .sorted(Comparator.comparingInt(AddedToken::id))
                .toList();
        this.roles = roles;
        rawTokens =
                new AddedTokenTrie(added.stream().filter(t -> !t.normalized()).toList(), UnaryOperator.identity());
        // In normalised text nothing is spelled otherwise.
        normalizedTokens =
                new AddedTokenTrie(added.stream().filter(AddedToken::normalized).toList(), splitter::normalize);
        bytesById = new byte[1 + highestId()][];
        for (AddedToken token : added) {
            register(token);
        }
        model.vocabulary().forEach(this::register);
    }

    private int highestId() {
        return Math.max(
                model.highestId(), added.isEmpty() ? -1 : added.getLast().id());
    }

    private void register(AddedToken token) {
        Integer inModel = model.vocabulary().get(token.content());
        if (inModel != null && inModel != token.id()) {
            throw new TokenizerException("Added token '%s' has id %d, but id %d in the vocabulary"
                    .formatted(token.content(), token.id(), inModel));
        }
        Integer earlier = addedIds.put(token.content(), token.id());
        if (earlier != null) {
            throw new TokenizerException("Added token '%s' is listed twice, with ids %d and %d"
                    .formatted(token.content(), earlier, token.id()));
        }
        if (bytesById[token.id()] != null) {
            throw new TokenizerException(
                    "Added tokens '%s' and '%s' share id %d".formatted(text(token.id()), token.content(), token.id()));
        }
        bytesById[token.id()] = token.content().getBytes(StandardCharsets.UTF_8);
        special.set(token.id(), token.special());
    }

    private void register(String token, int id) {
        if (addedIds.containsKey(token)) {
            return;
        }
        if (bytesById[id] != null) {
            throw new TokenizerException(
                    "Token '%s' of the vocabulary and token '%s' share id %d".formatted(token, text(id), id));
        }
        if (!ByteAlphabet.spells(token)) {
            throw new TokenizerException(
                    ("Token '%s' (id %d) has characters outside the byte-level alphabet and is not an added token;"
                                    + " this is not a byte-level vocabulary")
                            .formatted(token, id));
        }
        bytesById[id] = ByteAlphabet.bytesOf(token);
    }

    /** Returns the ids of {@code text}; text that spells an added token becomes that token. */
    public int[] encode(String text) {
        return encode(text, true);
    }

    /**
     * Returns the ids of {@code text}.
     *
     * @param allowAddedTokens false for text from users: {@code <|im_end|>} typed by somebody is then encoded as ordinary
     *     characters and cannot end their turn
     */
    public int[] encode(String text, boolean allowAddedTokens) {
        var out = new IntList(text.length() / 3 + 8);
        if (allowAddedTokens) {
            encodeAround(rawTokens, text, out, raw -> encodeNormalized(raw, out));
        } else {
            encodePieces(splitter.normalize(text), out);
        }
        return out.toArray();
    }

    /**
     * Returns the ids of a text that is partly foreign: an added token is recognised only where all its characters are
     * the caller's own. Everything else is as in {@link #encode(String)}; words may cross the borders.
     *
     * @param foreign the indices of the characters that no added token may contain, such as those that a user typed
     */
    public int[] encode(String text, BitSet foreign) {
        var out = new IntList(text.length() / 3 + 8);
        int from = 0;
        for (var match = rawTokens.find(text, 0, foreign); match != null; match = rawTokens.find(text, from, foreign)) {
            encodeForeign(text, from, match.start(), foreign, out);
            out.add(match.token().id());
            from = match.end();
        }
        encodeForeign(text, from, text.length(), foreign, out);
        return out.toArray();
    }

    /** Normalisation moves characters, so tokens that are looked for after it are found in the caller's own text only. */
    private void encodeForeign(String text, int from, int to, BitSet foreign, IntList out) {
        int next = foreign.nextSetBit(from);
        if (next < 0 || next >= to) {
            encodeNormalized(text.substring(from, to), out);
        } else {
            encodePieces(splitter.normalize(text.substring(from, to)), out);
        }
    }

    private void encodeNormalized(String raw, IntList out) {
        encodeAround(normalizedTokens, splitter.normalize(raw), out, text -> encodePieces(text, out));
    }

    /** Adds the added tokens of {@code trie} found in {@code text} and gives the text between them to {@code rest}. */
    private static void encodeAround(AddedTokenTrie trie, String text, IntList out, Consumer<String> rest) {
        int from = 0;
        for (var match = trie.find(text, 0); match != null; match = trie.find(text, from)) {
            if (match.start() > from) {
                rest.accept(text.substring(from, match.start()));
            }
            out.add(match.token().id());
            from = match.end();
        }
        if (from < text.length()) {
            rest.accept(text.substring(from));
        }
    }

    private void encodePieces(String text, IntList out) {
        splitter.forEachPiece(text, (start, end) -> {
            int[] ids = cache.find(text, start, end);
            if (ids == null) {
                ids = model.encode(text, start, end);
                cache.remember(text, start, end, ids);
            }
            out.addAll(ids);
        });
    }

    /** Returns the text of {@code ids}, special tokens included. */
    public String decode(int[] ids) {
        return decode(ids, false);
    }

    /**
     * Returns the text of {@code ids}; bytes that are not UTF-8 become U+FFFD. An added token is always its content. The
     * Hugging Face library takes one like {@code <É>}, all of whose characters spell bytes too, for those bytes.
     *
     * @param skipSpecial whether special tokens are left out
     * @throws TokenizerException if an id names no token
     */
    public String decode(int[] ids, boolean skipSpecial) {
        var out = new StringBuilder(ids.length * 4);
        var decoder = streamingDecoder(skipSpecial);
        for (int id : ids) {
            decoder.append(id, out);
        }
        return out.append(decoder.finish()).toString();
    }

    /** Returns a decoder for ids that arrive one by one. */
    public StreamingDecoder streamingDecoder(boolean skipSpecial) {
        return new StreamingDecoder(this, skipSpecial);
    }

    /**
     * Returns for each id where it starts, as an index into {@code decode(ids)}; a token that starts inside a character
     * has the index of that character. The ids must spell valid UTF-8 together, as every result of {@link #encode} does.
     */
    public int[] charOffsets(int[] ids) {
        var offsets = new int[ids.length];
        int chars = 0;
        int current = 0;
        for (int i = 0; i < ids.length; i++) {
            byte[] bytes = bytes(ids[i]);
            offsets[i] = startsWithinCharacter(ids[i]) ? current : chars;
            for (byte b : bytes) {
                if (!isContinuation(b)) {
                    current = chars;
                    chars += (b & 0xFF) >= 0xF0 ? 2 : 1;
                }
            }
        }
        return offsets;
    }

    /**
     * Whether a token starts inside a character, so that it can only go on with one that tokens before it began.
     *
     * @throws TokenizerException if the id names no token
     */
    public boolean startsWithinCharacter(int id) {
        byte[] bytes = bytes(id);
        return bytes.length > 0 && isContinuation(bytes[0]);
    }

    private static boolean isContinuation(byte b) {
        return (b & 0xC0) == 0x80;
    }

    /** Returns one more than the highest id; ids in between without a token are rare but possible. */
    public int vocabSize() {
        return bytesById.length;
    }

    /** Returns the id of an added token by its text, or of another token by its byte-level spelling. */
    public OptionalInt tokenId(String token) {
        Integer id = addedIds.get(token);
        if (id == null) {
            id = model.vocabulary().get(token);
        }
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    /** Returns whether {@code id} names a token. */
    public boolean isToken(int id) {
        return id >= 0 && id < bytesById.length && bytesById[id] != null;
    }

    /** Returns whether {@code id} is a special token, which {@code decode(ids, true)} leaves out. */
    public boolean isSpecial(int id) {
        return id >= 0 && special.get(id);
    }

    /**
     * Returns the bytes that the token stands for.
     *
     * @throws TokenizerException if the id names no token
     */
    public byte[] tokenBytes(int id) {
        return bytes(id).clone();
    }

    byte[] bytes(int id) {
        byte[] bytes = id >= 0 && id < bytesById.length ? bytesById[id] : null;
        if (bytes == null) {
            throw new TokenizerException(
                    "Id %d names no token; the tokenizer has the ids 0 to %d".formatted(id, bytesById.length - 1));
        }
        return bytes;
    }

    private String text(int id) {
        return new String(bytes(id), StandardCharsets.UTF_8);
    }

    /** Returns the added tokens in the order of their ids. */
    public List<AddedToken> addedTokens() {
        return added;
    }

    /** Returns which added tokens pad, end and mask. */
    public TokenRoles roles() {
        return roles;
    }

    /** Returns the id of the padding token. */
    public int padId() {
        return roleId("padding", roles.pad());
    }

    /** Returns the id of the token that ends a turn or document. */
    public int eosId() {
        return roleId("end", roles.eos());
    }

    /** Returns the id of the mask token. */
    public int maskId() {
        return roleId("mask", roles.mask());
    }

    private int roleId(String role, String token) {
        return tokenId(token)
                .orElseThrow(() -> new TokenizerException("The tokenizer has no " + role + " token '" + token
                        + "'; add it to added_tokens of its tokenizer.json"));
    }

    /** Returns the regular expression that splits text into pieces. */
    public String pattern() {
        return splitter.pattern().pattern();
    }

    BpeModel model() {
        return model;
    }

    boolean normalizesToNfc() {
        return splitter.nfc();
    }

    @Override
    public String toString() {
        return "BpeTokenizer[%d ids, %d merges, %d added tokens]"
                .formatted(vocabSize(), model.merges().size(), added.size());
    }
}
