package io.coda4j.coder.tokenizer;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Finds added tokens in text: the leftmost match, and of those that start there the longest. */
final class AddedTokenTrie {
    /** A match of {@code token} at {@code start}. */
    record Match(int start, AddedToken token) {
        int end() {
            return start + token.content().length();
        }
    }

    private static final class Node {
        private final Map<Character, Node> children = new HashMap<>();
        private @Nullable AddedToken token;
    }

    private final Node root = new Node();

    AddedTokenTrie(List<AddedToken> tokens) {
        for (AddedToken token : tokens) {
            var node = root;
            for (char c : token.content().toCharArray()) {
                node = node.children.computeIfAbsent(c, _ -> new Node());
            }
            node.token = token;
        }
    }

    /** Returns the first match at or behind {@code from}, or null. */
    @Nullable
    Match find(String text, int from) {
        if (root.children.isEmpty()) {
            return null;
        }
        for (int start = from; start < text.length(); start++) {
            AddedToken token = longestAt(text, start);
            if (token != null) {
                return new Match(start, token);
            }
        }
        return null;
    }

    private @Nullable AddedToken longestAt(String text, int start) {
        AddedToken longest = null;
        var node = root.children.get(text.charAt(start));
        for (int i = start + 1; node != null; i++) {
            if (node.token != null) {
                longest = node.token;
            }
            node = i < text.length() ? node.children.get(text.charAt(i)) : null;
        }
        return longest;
    }
}
