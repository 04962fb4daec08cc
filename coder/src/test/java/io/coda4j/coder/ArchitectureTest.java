package io.coda4j.coder;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * What may depend on what, over the compiled classes and tests of all modules but {@code bench}.
 *
 * <p>A class belongs to the module whose {@code target} folder holds it, whatever its package is called.
 */
class ArchitectureTest {
    /** The modules that each module may use, itself included. */
    private static final Map<String, Set<String>> MAY_USE = Map.of(
            "tensor", Set.of("tensor"),
            "tpu-backend", Set.of("tpu-backend", "tensor"),
            "autograd", Set.of("autograd", "tensor"),
            "nn", Set.of("nn", "autograd", "tensor"),
            "diffusion", Set.of("diffusion", "nn", "autograd", "tensor"),
            "coder", Set.of("coder", "diffusion", "nn", "autograd", "tensor"));

    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    private static final JavaClasses CLASSES = new ClassFileImporter()
            .importPaths(MAY_USE.keySet().stream()
                    .flatMap(module -> Stream.of(output(module, "classes"), output(module, "test-classes")))
                    .filter(Files::isDirectory)
                    .toList());

    @TestFactory
    List<DynamicTest> modulesUseOnlyTheModulesBelowThem() {
        return MAY_USE.entrySet().stream()
                .map(entry -> DynamicTest.dynamicTest(entry.getKey(), () -> {
                    var forbidden = MAY_USE.keySet().stream()
                            .filter(module -> !entry.getValue().contains(module))
                            .collect(Collectors.toSet());
                    noClasses()
                            .that(areIn(Set.of(entry.getKey())))
                            .should()
                            .dependOnClassesThat(areIn(forbidden))
                            .because("the modules build on each other in one direction only, "
                                    + "and tpu-backend is found by ServiceLoader")
                            .allowEmptyShould(true)
                            .check(CLASSES);
                }))
                .toList();
    }

    @Test
    void onlyTheCommandLineWritesToStandardOutput() {
        noClasses()
                .that(areIn(Set.of("tensor", "tpu-backend", "autograd", "nn", "diffusion"), "classes"))
                .should()
                .accessField(System.class, "out")
                .because("standard output belongs to the commands in coder")
                .allowEmptyShould(true)
                .check(CLASSES);
    }

    /** Without this the rules above would hold for a module that was not compiled. */
    @Test
    void everyModuleWithSourcesWasCompiled() throws IOException {
        for (var module : MAY_USE.keySet()) {
            if (hasSources(ROOT.resolve(module).resolve("src/main/java"))) {
                assertTrue(
                        CLASSES.stream().anyMatch(areIn(Set.of(module))),
                        () -> "no compiled classes of " + module + " in " + output(module, "classes")
                                + "; run ./mvnw -pl coder -am test from " + ROOT);
            }
        }
    }

    private static boolean hasSources(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (var files = Files.walk(folder)) {
            return files.anyMatch(file -> file.toString().endsWith(".java"));
        }
    }

    private static Path output(String module, String folder) {
        return ROOT.resolve(module).resolve("target").resolve(folder);
    }

    private static DescribedPredicate<JavaClass> areIn(Collection<String> modules) {
        return areIn(modules, "");
    }

    /** In the folder {@code output} of the modules' {@code target}: "classes" leaves out the tests. */
    private static DescribedPredicate<JavaClass> areIn(Collection<String> modules, String output) {
        var roots = modules.stream()
                .map(module -> output(module, output).toUri().toString())
                .toList();
        return describe(
                "are in " + output + (output.isEmpty() ? "" : " of ") + String.join(", ", modules),
                javaClass -> javaClass
                        .getSource()
                        .map(source -> roots.stream().anyMatch(source.getUri().toString()::startsWith))
                        .orElse(false));
    }
}
