package io.coda4j.tpu.pjrt;

import io.coda4j.tensor.DeviceException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Where plugins are: files that the environment names, and the folders into which Python packages are installed.
 *
 * @param environment variables by name
 * @param home the user's folder
 * @param root of the file system
 */
record PjrtPlugins(Map<String, String> environment, Path home, Path root) {
    /** Names the plugin that {@code pjrt} alone means: a file, or one of {@link Kind}. */
    static final String PLUGIN = "CODA_PJRT_PLUGIN";

    /** Plugins with a name. */
    enum Kind {
        TPU("tpu", "TPU_LIBRARY_PATH", "libtpu", List.of("libtpu/libtpu.so")),
        CUDA(
                "cuda",
                null,
                "jax-cuda13-pjrt",
                List.of("jax_plugins/xla_cuda13/xla_cuda_plugin.so", "jax_plugins/xla_cuda12/xla_cuda_plugin.so")),
        ROCM("rocm", null, "jax-rocm7-pjrt", List.of("jax_plugins/xla_rocm7/xla_rocm_plugin.so"));

        private final String word;
        private final @Nullable String variable;
        private final String pythonPackage;
        private final List<String> files;

        Kind(String word, @Nullable String variable, String pythonPackage, List<String> files) {
            this.word = word;
            this.variable = variable;
            this.pythonPackage = pythonPackage;
            this.files = files;
        }

        /** The word after {@code pjrt:}. */
        String word() {
            return word;
        }

        static Optional<Kind> of(String word) {
            return Arrays.stream(values())
                    .filter(kind -> kind.word.equals(word))
                    .findFirst();
        }
    }

    /** A Google PCI device; TPUs are the only ones. */
    private static final String GOOGLE = "0x1ae0";

    /** Those of this process. */
    static PjrtPlugins ofThisProcess() {
        return new PjrtPlugins(System.getenv(), Path.of(System.getProperty("user.home")), Path.of("/"));
    }

    /**
     * The plugin that a selector names.
     *
     * @param selector a file, a word of {@link Kind}, or empty for the plugin that {@link #PLUGIN} names, else the first
     *     installed whose hardware is here
     * @throws DeviceException if there is none; says where it was looked for
     */
    Path find(String selector) {
        if (selector.isEmpty()) {
            var named = environment.getOrDefault(PLUGIN, "");
            return named.isBlank() ? firstWithHardware() : find(named.strip());
        }
        var kind = Kind.of(selector);
        if (kind.isPresent()) {
            return installed(kind.get()).orElseThrow(() -> new DeviceException(missing(kind.get())));
        }
        var file = Path.of(selector);
        if (!Files.isRegularFile(file)) {
            throw new DeviceException("there is no PJRT plugin at '" + selector
                    + "'; expected the file of a plugin, or one of " + words());
        }
        return file;
    }

    private Path firstWithHardware() {
        var reasons = new ArrayList<String>();
        for (var kind : Kind.values()) {
            var file = installed(kind);
            if (file.isPresent()) {
                var absent = hardwareMissing(kind);
                if (absent.isEmpty()) {
                    return file.get();
                }
                reasons.add(file.get() + " is installed, but " + absent.get());
            }
        }
        throw new DeviceException(
                reasons.isEmpty()
                        ? "no PJRT plugin is installed; set " + PLUGIN
                                + " to the file of one, or install a Python package that has one, such as libtpu or "
                                + Kind.CUDA.pythonPackage
                        : String.join("; ", reasons));
    }

    private static String words() {
        return Arrays.stream(Kind.values()).map(Kind::word).collect(Collectors.joining(", "));
    }

    private String missing(Kind kind) {
        var named = named(kind);
        if (!named.isBlank()) {
            return kind.variable + "=" + named + ": expected the file of a plugin, and there is no such file; without "
                    + kind.variable + " it is looked for in the Python folders";
        }
        return "no PJRT plugin for " + kind.word + " is installed: "
                + (kind.variable == null ? "" : kind.variable + " is not set, and ") + "there is no "
                + kind.files.getFirst() + " in the Python folders; install the Python package " + kind.pythonPackage
                + ", or give the plugin's file: pjrt:/path/to/plugin.so";
    }

    /** What the environment names as the file of a plugin, blank if nothing. */
    private String named(Kind kind) {
        return kind.variable == null ? "" : environment.getOrDefault(kind.variable, "");
    }

    /** The file of a plugin, if it is installed. */
    Optional<Path> installed(Kind kind) {
        var named = named(kind);
        if (!named.isBlank()) {
            return Optional.of(Path.of(named.strip())).filter(Files::isRegularFile);
        }
        return packageFolders()
                .flatMap(folder -> kind.files.stream().map(folder::resolve))
                .filter(Files::isRegularFile)
                .findFirst();
    }

    /**
     * Why the devices of a plugin cannot be here, if that is known. A TPU's plugin would look for them without end.
     *
     * @param library the plugin's file, or a link to it under any name
     */
    Optional<String> hardwareMissing(Path library) {
        var name = PjrtPlugin.real(library).getFileName();
        return Arrays.stream(Kind.values())
                .filter(kind -> kind.files.stream()
                        .anyMatch(file -> Path.of(file).getFileName().equals(name)))
                .findFirst()
                .flatMap(this::hardwareMissing);
    }

    private Optional<String> hardwareMissing(Kind kind) {
        return switch (kind) {
            case TPU ->
                hasGoogleDevice()
                        ? Optional.empty()
                        : Optional.of("this machine has no TPU; 'coda compile' works without one");
            case CUDA ->
                exists("dev/nvidiactl") || exists("dev/dxg")
                        ? Optional.empty()
                        : Optional.of("this machine has no NVIDIA driver");
            case ROCM ->
                exists("dev/kfd") ? Optional.empty() : Optional.of("this machine has no AMD GPU with its driver");
        };
    }

    private boolean exists(String path) {
        return Files.exists(root.resolve(path));
    }

    private boolean hasGoogleDevice() {
        return list(root.resolve("sys/bus/pci/devices")).anyMatch(device -> {
            try {
                return Files.readString(device.resolve("vendor"), StandardCharsets.US_ASCII)
                        .strip()
                        .equals(GOOGLE);
            } catch (IOException _) {
                return false;
            }
        });
    }

    /** Folders into which Python packages are installed, the environment's own first. */
    private Stream<Path> packageFolders() {
        var search = Stream.of(environment.getOrDefault("PYTHONPATH", "").split(java.io.File.pathSeparator))
                .filter(entry -> !entry.isBlank())
                .map(Path::of);
        var prefixes = Stream.of("VIRTUAL_ENV", "CONDA_PREFIX")
                .map(variable -> environment.getOrDefault(variable, ""))
                .filter(prefix -> !prefix.isBlank())
                .map(Path::of);
        var pyenv =
                environment.containsKey("PYENV_ROOT") ? Path.of(environment.get("PYENV_ROOT")) : home.resolve(".pyenv");
        var fixed = Stream.of(home.resolve(".local"), root.resolve("usr/local"), root.resolve("usr"));
        var all = Stream.of(prefixes, list(pyenv.resolve("versions")), fixed).flatMap(prefix -> prefix);
        return Stream.concat(search, all.flatMap(PjrtPlugins::packageFolders));
    }

    /** {@code PREFIX/lib/python3*} has them in one of two folders. */
    private static Stream<Path> packageFolders(Path prefix) {
        return list(prefix.resolve("lib"))
                .filter(folder -> folder.getFileName().toString().startsWith("python3"))
                .flatMap(folder -> Stream.of(folder.resolve("site-packages"), folder.resolve("dist-packages")));
    }

    /** The entries of a folder in reverse order of name, so that newer versions come first; none if there is no such. */
    private static Stream<Path> list(Path folder) {
        try (var entries = Files.list(folder)) {
            return entries.sorted().toList().reversed().stream();
        } catch (IOException _) {
            return Stream.of();
        }
    }
}
