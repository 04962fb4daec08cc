package io.coda4j.coder.report;

import io.coda4j.coder.terminal.Piece;
import io.coda4j.coder.terminal.State;
import java.util.List;
import java.util.Locale;

/** Generated code in a report, coloured by what happened to each token. */
final class Samples {
    private static final int CONFIDENCE_CLASSES = 10;

    private Samples() {}

    static void filmstrips(Markup page, List<Filmstrip> filmstrips) {
        page.element("h2", "From masks to code");
        page.element("p", "Every token starts as a mask, unless it was given, and each step fills some.");
        page.open("p");
        legend(page, "given", "given");
        page.open("span", "class", "key")
                .open("span", "class", "m")
                .close()
                .text(" masked")
                .close();
        legend(page, "n", "filled in this step");
        legend(page, "d d0", "filled before, model unsure");
        legend(page, "d d9", "model sure");
        page.close().newline();
        for (var strip : filmstrips) {
            page.open("section", "class", "card").element("h3", strip.title()).open("div", "class", "frames");
            for (var frame : strip.frames()) {
                frame(page, frame, strip.steps());
            }
            page.close().close().newline();
        }
    }

    private static void legend(Markup page, String cssClass, String text) {
        page.open("span", "class", "key")
                .element("span", text, "class", cssClass)
                .close();
    }

    private static void frame(Markup page, Frame frame, int steps) {
        long masked =
                frame.pieces().stream().filter(p -> p.state() == State.MASKED).count();
        page.open("figure");
        page.element("figcaption", "step %d of %d, %d masked".formatted(frame.step(), steps, masked));
        page.open("pre");
        frame.pieces().forEach(piece -> piece(page, piece));
        page.close().close().newline();
    }

    private static void piece(Markup page, Piece piece) {
        switch (piece.state()) {
            case GIVEN -> page.element("span", piece.text(), "class", "given");
            case MASKED ->
                page.open("span", "class", "m", "aria-hidden", "true").close();
            case NEW -> page.element("span", piece.text(), "class", "n", "title", confidence(piece));
            case DONE ->
                page.element(
                        "span",
                        piece.text(),
                        "class",
                        "d d" + confidenceClass(piece.confidence()),
                        "title",
                        confidence(piece));
        }
    }

    private static String confidence(Piece piece) {
        return String.format(Locale.ROOT, "confidence %.2f", piece.confidence());
    }

    private static int confidenceClass(float confidence) {
        return Float.isNaN(confidence) ? 0 : Math.clamp((int) (confidence * CONFIDENCE_CLASSES), 0, 9);
    }

    static void infillings(Markup page, List<Infilling> infillings) {
        page.element("h2", "Filling a hole");
        page.element("p", "The model saw the code before and after the hole, but not what stood in it.");
        for (var infilling : infillings) {
            var reference = infilling.reference();
            page.open("section", "class", "card")
                    .element("h3", infilling.title())
                    .open("div", "class", "pair");
            hole(page, "generated", "fill", infilling, infilling.generated());
            if (reference != null) {
                boolean same = reference.strip().equals(infilling.generated().strip());
                hole(page, same ? "reference (the same)" : "reference", "reference", infilling, reference);
            }
            page.close().close().newline();
        }
    }

    private static void hole(Markup page, String caption, String cssClass, Infilling infilling, String content) {
        page.open("figure").element("figcaption", caption).open("pre");
        page.element("span", infilling.prefix(), "class", "given");
        page.element("span", content, "class", cssClass);
        page.element("span", infilling.suffix(), "class", "given");
        page.close().close().newline();
    }
}
