package io.coda4j.coder.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class CorpusTest {
    private static final Set<String> JAVA = Set.of("java");
    private static final Split SPLIT = new Split(1, 0.3);

    @TempDir
    private Path folder;

    private Corpus read() {
        return Corpus.ofFolder(folder, JAVA, SPLIT);
    }

    private void write(String name, String text) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, text);
    }

    /** Returns a path of the wanted side, so that small examples need no luck. */
    private static String path(boolean heldOut, int which) {
        return IntStream.range(0, 1_000)
                .mapToObj(i -> "p/File" + i + ".java")
                .filter(p -> SPLIT.holdsOut(p) == heldOut)
                .skip(which)
                .findFirst()
                .orElseThrow();
    }

    private static List<String> names(List<SourceFile> files) {
        return files.stream().map(SourceFile::name).toList();
    }

    @Test
    void filesAreCleaned() throws IOException {
        write(path(false, 0), "\uFEFF/* Copyright */\r\npackage p;\r\n\r\nclass A { String s = \"e\u0301\"; }\r\n");
        var corpus = read();
        assertEquals(
                "package p;\n\nclass A { String s = \"é\"; }\n",
                corpus.train().getFirst().text());
        assertEquals(1, corpus.statistics().headersRemoved());
    }

    @Test
    void emptyFilesDeclarationsAndCopiesAreDropped() throws IOException {
        write("a/A.java", "class A {}\n");
        write("b/A.java", "// Copyright\nclass A {}\n");
        write("b/Empty.java", "/* licence */\n\n");
        write("b/package-info.java", "/** Doc. */\npackage b;\n");
        write("module-info.java", "module m {}\n");
        var corpus = Corpus.ofFolder(folder, JAVA, new Split(0, 0));
        assertEquals(List.of("a/A.java"), names(corpus.train()));
        assertEquals(1, corpus.statistics().duplicateFiles());
        assertEquals(3, corpus.statistics().emptyFiles());
    }

    @Test
    void copiesOfAnotherLayoutAreNotOnBothSides() throws IOException {
        String text =
                "package p;\n\n/** Says how high. */\nclass A {\n    int high = 12;\n    int how() { return high; }\n}\n";
        write(path(false, 0), text);
        write(path(true, 0), text.replace("    ", "\t").replace("\n", "\n\n"));
        write(path(false, 1), "class B {}\n");
        var corpus = read();
        assertEquals(1, corpus.statistics().duplicateFiles());
        assertEquals(2, corpus.train().size() + corpus.heldOut().size());
    }

    @Test
    void orderIsThatOfPathsAndOtherExtensionsAreLeftOut() throws IOException {
        for (String name : List.of("z.java", "b/x.java", "b/a.java", "B.java", "c.txt", "java", ".hidden/h.java")) {
            write(name, "class A { int " + name.replaceAll("\\W", "_") + "; }");
        }
        var corpus = Corpus.ofFolder(folder, JAVA, new Split(0, 0));
        assertEquals(List.of("B.java", "b/a.java", "b/x.java", "z.java"), names(corpus.train()));
    }

    @Test
    void addingAFileMovesNoOther() throws IOException {
        for (int i = 0; i < 60; i++) {
            write("p/File" + i + ".java", "class File" + i + " {}");
        }
        var before = read();
        write("p/Another.java", "class Another {}");
        write("a/First.java", "class First {}");
        var after = read();
        assertTrue(new TreeSet<>(names(after.train())).containsAll(names(before.train())));
        assertTrue(new TreeSet<>(names(after.heldOut())).containsAll(names(before.heldOut())));
        assertTrue(before.heldOut().size() > 5 && before.train().size() > 20);
    }

    @Test
    void bodiesThatOccurInTrainingAreMarkedWhateverTheirWhiteSpace() throws IOException {
        write(path(false, 0), "class T {\n    int sum(int a, int b) {\n        return a + b;\n    }\n}\n");
        String heldOut = "class H { int add(int a, int b) { return a + b; }\n  int own() { return 42; } }";
        write(path(true, 0), heldOut);
        var corpus = read();
        var file = corpus.heldOut().getFirst();
        assertEquals(
                List.of("{ return a + b; }"),
                file.seenInTraining().stream()
                        .map(r -> heldOut.substring(r.start(), r.end()))
                        .toList());
        var statistics = corpus.statistics();
        assertEquals(
                List.of(1, 2, 1),
                List.of(statistics.trainBodies(), statistics.heldOutBodies(), statistics.heldOutBodiesSeen()));
        assertEquals(17, statistics.heldOutCharsSeen());
        assertTrue(corpus.train().getFirst().seenInTraining().isEmpty());
    }

    @Test
    void nestedDuplicatesAreOneRange() throws IOException {
        String method = "Runnable r() { return new Runnable() { public void run() { x++; } }; }";
        write(path(false, 0), "class T { int x; " + method + " }");
        write(path(true, 0), "class H { int x; " + method + " }");
        var ranges = read().heldOut().getFirst().seenInTraining();
        assertEquals(1, ranges.size());
        assertEquals(
                method.length() - "Runnable r() ".length(), ranges.getFirst().length());
    }

    @Test
    void javaThatDoesNotParseIsComparedByLines() throws IOException {
        String shared = "int first = compute(1);\nint second = compute(2);\nint third = compute(3);\n";
        write(path(false, 0), "class T { void f() {\n" + shared + "int own;\n} }\n");
        write(
                path(true, 0),
                "broken {{{\n  int first  = compute(1);\n\nint second = compute(2);\nint third = compute(3);\nx\n");
        var corpus = read();
        var file = corpus.heldOut().getFirst();
        assertEquals(1, corpus.statistics().unparsed());
        assertEquals(1, file.seenInTraining().size());
        var range = file.seenInTraining().getFirst();
        String seen = file.text().substring(range.start(), range.end());
        assertTrue(seen.stripLeading().startsWith("int first") && seen.endsWith("compute(3);"), seen);
    }

    @Test
    void javaIsComparedByLinesWithTrainingTextThatDoesNotParse() throws IOException {
        String shared = "int first = compute(1);\nint second = compute(2);\nint third = compute(3);\n";
        write(path(false, 0), "class T { void f() {\n" + shared + "} broken {{{\n");
        write(path(false, 1), "class U { int own;\nint two() {\n return 2; }\n }\n");
        String heldOut = "class H { int own;\nint two() {\n return 2; }\n\nvoid g() {\n" + shared + "int other;\n} }\n";
        write(path(true, 0), heldOut);
        var corpus = read();
        assertEquals(1, corpus.statistics().heldOutBodiesSeen());
        assertEquals(
                List.of("{\n return 2; }", shared.stripTrailing()),
                corpus.heldOut().getFirst().seenInTraining().stream()
                        .map(r -> heldOut.substring(r.start(), r.end()))
                        .toList());
    }

    @Test
    void otherLanguagesAreComparedByLines() throws IOException {
        String shared = "def area(radius):\n    pi = 3.14159\n    return pi * radius ** 2\n";
        String train = path(false, 0).replace(".java", ".py");
        write("train.py", shared + "\ndef own():\n    pass\n");
        var split = IntStream.range(0, 1_000)
                .mapToObj(seed -> new Split(seed, 0.5))
                .filter(s -> !s.holdsOut("train.py") && s.holdsOut("test.py"))
                .findFirst()
                .orElseThrow();
        write("test.py", "import math\n" + shared + "print(area(2))\n");
        var corpus = Corpus.ofFolder(folder, Set.of("py"), split);
        var file = corpus.heldOut().getFirst();
        assertEquals(List.of(new CharRange(12, 12 + shared.length() - 1)), file.seenInTraining(), train);
    }

    @Test
    void unusableFilesAreReportedWithTheReason() throws IOException {
        write("A.java", "class A {}");
        Files.write(folder.resolve("Binary.java"), new byte[] {1, 0, 2});
        Files.write(folder.resolve("Latin.java"), new byte[] {'/', '/', (byte) 0xE9, '\n'});
        write("Huge.java", "// x\n".repeat(500_000));
        var skipped =
                Corpus.ofFolder(folder, JAVA, new Split(0, 0)).statistics().skipped();
        assertEquals(
                Set.of("Binary.java: not UTF-8 text", "Latin.java: not UTF-8 text", "Huge.java: larger than 2 MiB"),
                Set.copyOf(
                        skipped.stream().map(s -> s.name() + ": " + s.reason()).toList()));
    }

    @Test
    void symbolicLinksAreNotFollowed() throws IOException {
        write("d/A.java", "class A {}");
        try {
            Files.createSymbolicLink(folder.resolve("d/loop"), folder.resolve("d"));
            Files.createSymbolicLink(folder.resolve("d/B.java"), folder.resolve("d/A.java"));
        } catch (UnsupportedOperationException | IOException e) {
            Assumptions.abort("no symbolic links here: " + e);
        }
        var corpus = Corpus.ofFolder(folder, JAVA, new Split(0, 0));
        assertEquals(List.of("d/A.java"), names(corpus.train()));
        assertEquals("d/B.java", corpus.statistics().skipped().getFirst().name());
        assertFalse(names(corpus.train()).contains("d/loop/A.java"));
    }

    @Test
    void nothingToTrainOnSaysWhatWasLookedFor() throws IOException {
        write("a.txt", "x");
        var e = assertThrows(CorpusException.class, this::read);
        assertTrue(e.getMessage().contains(folder.toString()) && e.getMessage().contains("java"), e.getMessage());
        var missing = assertThrows(CorpusException.class, () -> Corpus.ofFolder(folder.resolve("none"), JAVA, SPLIT));
        assertTrue(missing.getMessage().contains("none"), missing.getMessage());
    }

    @Test
    void catalogueNamesAreKnownAndWrongOnesAnsweredWithTheList() {
        assertEquals(1, CorpusCatalogue.named("lang3").artifacts().size());
        assertEquals(8, CorpusCatalogue.named("mix").artifacts().size());
        var e = assertThrows(CorpusException.class, () -> CorpusCatalogue.named("lang"));
        assertTrue(e.getMessage().contains("lang3, mix"), e.getMessage());
    }
}
