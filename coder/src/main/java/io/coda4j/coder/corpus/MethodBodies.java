package io.coda4j.coder.corpus;

import com.sun.source.tree.CompilationUnitTree;
import com.sun.source.tree.MethodTree;
import com.sun.source.util.JavacTask;
import com.sun.source.util.SourcePositions;
import com.sun.source.util.TreeScanner;
import com.sun.source.util.Trees;
import java.io.IOException;
import java.io.Writer;
import java.net.URI;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.tools.Diagnostic;
import javax.tools.DiagnosticListener;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.jspecify.annotations.Nullable;

/** Finds the bodies of methods and constructors in Java texts with the JDK's own parser; nothing is compiled. */
final class MethodBodies {
    /** The parser keeps the trees of all files it is given, so it is given some at a time. */
    private static final int BATCH = 500;

    private MethodBodies() {}

    /**
     * Returns for each text the ranges of its bodies, braces included, in order of their start; empty for a text that
     * the parser does not accept.
     *
     * @throws CorpusException if this Java has no compiler
     */
    static List<Optional<List<CharRange>>> of(List<String> javaTexts) {
        var all = new ArrayList<Optional<List<CharRange>>>();
        for (int from = 0; from < javaTexts.size(); from += BATCH) {
            all.addAll(ofSome(javaTexts.subList(from, Math.min(from + BATCH, javaTexts.size()))));
        }
        return all;
    }

    /** The parser recurses: generated code that is nested too deeply for it must not cost the files beside it. */
    private static List<Optional<List<CharRange>>> ofSome(List<String> javaTexts) {
        try {
            return ofBatch(javaTexts);
        } catch (StackOverflowError e) {
            return javaTexts.size() == 1
                    ? List.of(Optional.empty())
                    : javaTexts.stream()
                            .flatMap(text -> ofSome(List.of(text)).stream())
                            .toList();
        }
    }

    private static List<Optional<List<CharRange>>> ofBatch(List<String> javaTexts) {
        var compiler = ToolProvider.getSystemJavaCompiler();
        if (compiler == null) {
            throw new CorpusException("Finding duplicated methods needs the compiler module of a JDK, which "
                    + System.getProperty("java.home") + " lacks; run on a full JDK");
        }
        var sources = new ArrayList<Source>();
        for (String text : javaTexts) {
            sources.add(new Source(sources.size(), text));
        }
        Set<Integer> broken = new HashSet<>();
        DiagnosticListener<JavaFileObject> errors = diagnostic -> {
            if (diagnostic.getKind() == Diagnostic.Kind.ERROR && diagnostic.getSource() != null) {
                broken.add(index(diagnostic.getSource()));
            }
        };
        var task =
                (JavacTask) compiler.getTask(Writer.nullWriter(), null, errors, List.of("-proc:none"), null, sources);
        Map<Integer, List<CharRange>> found = new HashMap<>();
        try {
            SourcePositions positions = Trees.instance(task).getSourcePositions();
            for (CompilationUnitTree unit : task.parse()) {
                found.put(index(unit.getSourceFile()), bodies(unit, positions));
            }
        } catch (IOException e) {
            throw new AssertionError("texts in memory are always readable", e);
        } catch (IllegalStateException e) {
            // How the compiler passes on what ended it.
            if (e.getCause() instanceof StackOverflowError overflow) {
                throw overflow;
            }
            throw e;
        }
        return sources.stream()
                .map(s -> broken.contains(s.index)
                        ? Optional.<List<CharRange>>empty()
                        : Optional.of(found.getOrDefault(s.index, List.of())))
                .toList();
    }

    /** Reads the index back from the name, because the compiler hands out wrappers of our objects. */
    private static int index(JavaFileObject source) {
        return Integer.parseInt(source.getName().replaceAll("\\D", ""));
    }

    private static List<CharRange> bodies(CompilationUnitTree unit, SourcePositions positions) {
        var ranges = new ArrayList<CharRange>();
        new TreeScanner<@Nullable Void, @Nullable Void>() {
            @Override
            public @Nullable Void visitMethod(MethodTree method, @Nullable Void unused) {
                if (method.getBody() != null) {
                    long start = positions.getStartPosition(unit, method.getBody());
                    long end = positions.getEndPosition(unit, method.getBody());
                    // Compact constructors of records and the like may have no place in the text.
                    if (start >= 0 && end > start) {
                        ranges.add(new CharRange(Math.toIntExact(start), Math.toIntExact(end)));
                    }
                }
                return super.visitMethod(method, unused);
            }
        }.scan(unit, null);
        ranges.sort(Comparator.comparingInt(CharRange::start));
        return ranges;
    }

    private static final class Source extends SimpleJavaFileObject {
        private final int index;
        private final String text;

        Source(int index, String text) {
            super(URI.create("text:///" + index + ".java"), Kind.SOURCE);
            this.index = index;
            this.text = text;
        }

        @Override
        public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return text;
        }
    }
}
