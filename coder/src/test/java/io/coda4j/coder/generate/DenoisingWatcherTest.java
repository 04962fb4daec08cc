package io.coda4j.coder.generate;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.coda4j.coder.terminal.Piece;
import io.coda4j.coder.terminal.State;
import io.coda4j.coder.tokenizer.BpeTokenizer;
import io.coda4j.coder.tokenizer.TinyTokenizer;
import io.coda4j.diffusion.sampling.Canvas;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What a frame shows of characters that are spread over tokens. */
class DenoisingWatcherTest {
    private static final BpeTokenizer TOKENIZER = TinyTokenizer.create();
    private static final int MASK = TOKENIZER.maskId();

    /** The frames of a row of which the tokens at {@code masked} are committed in this order, one a step. */
    private static List<List<Piece>> frames(String text, int... masked) {
        var tokens = TOKENIZER.encode(text, false);
        var noisy = tokens.clone();
        IntStream.of(masked).forEach(i -> noisy[i] = MASK);
        var frames = new ArrayList<List<Piece>>();
        var watcher = new DenoisingWatcher(TOKENIZER, TOKENIZER.vocabSize(), MASK, (_, pieces) -> frames.add(pieces));
        watcher.begun(Canvas.of(List.of(noisy)));
        for (int step = 0; step < masked.length; step++) {
            noisy[masked[step]] = tokens[masked[step]];
            watcher.committed(step, Canvas.of(List.of(noisy)));
        }
        return frames;
    }

    private static String shown(List<Piece> pieces) {
        return pieces.stream()
                .map(piece -> piece.state() == State.MASKED ? "_" : piece.text())
                .collect(Collectors.joining());
    }

    private static List<String> shown(String text, int... masked) {
        return frames(text, masked).stream().map(DenoisingWatcherTest::shown).toList();
    }

    @Test
    void aCharacterOfSeveralTokensIsShownWhole() {
        assertEquals(List.of("aé🙂 漢b"), shown("aé🙂 漢b"));
    }

    /** The tokenizer knows bytes only of these characters: é is tokens 1 and 2. */
    @Test
    void itStandsOnThePieceThatCompletesIt() {
        var frames = frames("aé漢b", 2, 1);
        assertEquals(
                List.of("a__漢b", "a_\ufffd漢b", "aé漢b"),
                frames.stream().map(DenoisingWatcherTest::shown).toList());
        var last = frames.getLast();
        assertEquals(
                List.of("a", "", "é", "", "", "漢", "b"),
                last.stream().map(Piece::text).toList());
        assertEquals(State.NEW, last.get(1).state());
        assertEquals(State.DONE, last.get(2).state());
        assertEquals(State.GIVEN, last.get(5).state());
    }

    @Test
    void onlyAnUnfinishedCharacterIsReplaced() {
        assertEquals(List.of("漢\ufffd_b", "漢🙂b"), shown("漢🙂b", 6));
        assertEquals(List.of("漢\ufffd_", "漢🙂"), shown("漢🙂", 6));
        var pieces = frames("漢🙂", 6).getFirst();
        assertEquals(
                List.of("", "", "漢", "", "", "\ufffd", ""),
                pieces.stream().map(Piece::text).toList());
    }

    /** A committed token keeps its colour when the text behind it does not go on with the character. */
    @Test
    void anUnfinishedCharacterBeforeAnotherStandsOnItsOwnPiece() {
        var tokens = TOKENIZER.encode("a🙂b", false);
        var noisy = new int[] {tokens[0], MASK, tokens[2], tokens[5]};
        var frames = new ArrayList<List<Piece>>();
        var watcher = new DenoisingWatcher(TOKENIZER, TOKENIZER.vocabSize(), MASK, (_, pieces) -> frames.add(pieces));
        watcher.begun(Canvas.of(List.of(noisy)));
        assertEquals("a_\ufffdb", shown(frames.getLast()));
        noisy[1] = tokens[1];
        watcher.committed(0, Canvas.of(List.of(noisy)));
        assertEquals(
                List.of("a", "", "\ufffd", "b"),
                frames.getLast().stream().map(Piece::text).toList());
        noisy[2] = tokens[1];
        watcher.committed(1, Canvas.of(List.of(noisy)));
        assertEquals(
                List.of("a", "\ufffd", "\ufffd", "b"),
                frames.getLast().stream().map(Piece::text).toList());
    }

    @Test
    void aTextThatEndsWithinACharacterShowsItUnfinished() {
        var tokens = TOKENIZER.encode("漢é!", false);
        var frames = new ArrayList<List<Piece>>();
        int end = tokens[tokens.length - 1];
        var watcher = new DenoisingWatcher(
                TOKENIZER, TOKENIZER.vocabSize(), MASK, 3, Set.of(end), (_, pieces) -> frames.add(pieces));
        tokens[4] = end;
        watcher.begun(Canvas.of(List.of(tokens)));
        assertEquals("\ufffd", shown(frames.getFirst()));
        assertEquals(1, frames.getFirst().size());
    }
}
