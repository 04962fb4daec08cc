package io.coda4j.coder.tokenizer;

import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Finds added tokens in text: the leftmost match, and of those that start there the longest. */
final class AddedTokenTrie {
    /** A match of {@code token} at {@code start <= index < end}. */
    record Match(int start, int end, AddedToken token) {}

    private static final class Node {
        private final Map<Character, Node> children = new HashMap<>();
        private @Nullable AddedToken token;
    }

    private final Node root = new Node();

    /**
     * Finds {@code tokens} where their spelling stands.
     *
     * @param spelling from a token's content to how it looks in the texts; of tokens that look alike the last is found
     */
    AddedTokenTrie(List<AddedToken> tokens, UnaryOperator<String> spelling) {
        for (AddedToken token : tokens) {
            var node = root;
            for (char c : spelling.apply(token.content()).toCharArray()) {
                node = node.children.computeIfAbsent(c, _ -> new Node());
            }
            node.token = token;
        }
    }

    private static final BitSet NOTHING = new BitSet();

    /** Returns the first match at or behind {@code from}, or null. */
    @Nullable
    Match find(String text, int from) {
        return find(text, from, NOTHING);
    }

    /** Returns the first match at or behind {@code from} without any of the {@code excluded} characters, or null. */
    @Nullable
    Match find(String text, int from, BitSet excluded) {
        if (root.children.isEmpty()) {
            return null;
        }
        int barrier = from - 1;
        for (int start = from; start < text.length(); start++) {
            // Only behind the last one: a search from every character would go through the same bits again and again.
            if (start > barrier) {
                int next = excluded.nextSetBit(start);
                barrier = next < 0 ? text.length() : Math.min(next, text.length());
            }
            var longest = longestAt(text, start, barrier);
            if (longest != null) {
                return longest;
            }
        }
        return null;
    }

    private @Nullable Match longestAt(String text, int start, int end) {
        Match longest = null;
        var node = start < end ? root.children.get(text.charAt(start)) : null;
        for (int i = start + 1; node != null; i++) {
            if (node.token != null) {
                longest = new Match(start, i, node.token);
            }
            node = i < end ? node.children.get(text.charAt(i)) : null;
        }
        return longest;
    }
}
