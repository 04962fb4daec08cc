package io.coda4j.tpu.testing;

import static java.lang.ProcessBuilder.Redirect.appendTo;

import io.coda4j.tensor.DeviceException;
import io.coda4j.tensor.TensorType;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** XLA's CPU compiler in another process; see {@link XlaServer}. */
final class XlaProcess {
    static final String VERSION = "1.2.0";
    private static final Path JAR = Path.of(
            System.getProperty("localRepository", System.getProperty("user.home") + "/.m2/repository"),
            "org/tensorflow/tensorflow-core-native",
            VERSION,
            "tensorflow-core-native-" + VERSION + "-linux-x86_64.jar");
    /** In the {@code target} of this module, whichever module's tests are running. */
    private static final Path FOLDER = target().resolve("xla-" + VERSION);

    private static final Path LOG = Path.of("target", "xla.log");

    private static @Nullable XlaProcess shared;

    private final DataOutputStream to;
    private final DataInputStream from;
    /** What was handed over, by number. */
    private final List<String> modules = new ArrayList<>();

    private XlaProcess(Process process) {
        this.to = new DataOutputStream(new BufferedOutputStream(process.getOutputStream()));
        this.from = new DataInputStream(new BufferedInputStream(process.getInputStream()));
    }

    /** Why it cannot be started here, or empty if it can. */
    static Optional<String> unusableBecause() {
        var system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
        if (!system.equals("Linux amd64")) {
            return Optional.of("it runs on Linux amd64, not on " + system);
        }
        return Files.exists(JAR)
                ? Optional.empty()
                : Optional.of("there is no " + JAR
                        + "; to get it (192 MB): ./mvnw -Pxla -pl tpu-backend dependency:copy@xla");
    }

    private static Path target() {
        try {
            var classes = XlaProcess.class.getProtectionDomain().getCodeSource().getLocation();
            return Objects.requireNonNull(Path.of(classes.toURI()).getParent());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    private static XlaProcess start() throws IOException {
        var builder = builder(XlaServer.class);
        // TensorFlow allows maxima that lose NaN. Little optimisation, because compiling takes longer than running.
        builder.environment()
                .put("XLA_FLAGS", "--xla_cpu_enable_fast_min_max=false --xla_backend_optimization_level=0");
        return new XlaProcess(builder.redirectError(appendTo(LOG.toFile())).start());
    }

    /** A process with the libraries: {@code main} gets their folder, then {@code arguments}. */
    static ProcessBuilder builder(Class<?> main, String... arguments) throws IOException {
        for (var library : List.of("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")) {
            unpack(library);
        }
        var command = new ArrayList<String>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(List.of("--enable-native-access=ALL-UNNAMED", "-cp", System.getProperty("java.class.path")));
        command.addAll(List.of(main.getName(), FOLDER.toString()));
        command.addAll(List.of(arguments));
        var builder = new ProcessBuilder(command);
        builder.environment().put("TF_CPP_MIN_LOG_LEVEL", "3");
        return builder;
    }

    /** Complete or not at all, also when the tests of two JVMs do it at once. */
    private static void unpack(String library) throws IOException {
        Files.createDirectories(FOLDER);
        var target = FOLDER.resolve(library);
        try (var lock = FileChannel.open(FOLDER.resolve("lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                var _ = lock.lock()) {
            if (Files.exists(target)) {
                return;
            }
            var part = FOLDER.resolve(library + ".part");
            try (var jar = FileSystems.newFileSystem(JAR)) {
                var source = jar.getPath("org/tensorflow/internal/c_api/linux-x86_64", library);
                Files.copy(source, part, StandardCopyOption.REPLACE_EXISTING);
            }
            Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /**
     * Hands over a module.
     *
     * @param shardy whether Shardy reads the module's places
     * @return its number
     */
    synchronized int compile(String module, boolean shardy, List<TensorType> parameters, List<TensorType> results) {
        modules.add(module);
        int number = modules.size() - 1;
        return ask(number, () -> {
            to.writeByte(XlaServer.COMPILE);
            writeBytes(module.getBytes(StandardCharsets.UTF_8));
            to.writeBoolean(shardy);
            XlaServer.writeTypes(to, parameters);
            XlaServer.writeTypes(to, results);
            to.flush();
            readRefusal(number);
            return number;
        });
    }

    /** The results, in bytes, of a module that {@link #compile} gave the number. */
    synchronized List<byte[]> run(int number, List<byte[]> arguments) {
        return ask(number, () -> {
            to.writeByte(XlaServer.RUN);
            to.writeInt(number);
            for (var argument : arguments) {
                writeBytes(argument);
            }
            to.flush();
            readRefusal(number);
            var answer = new ArrayList<byte[]>();
            int count = from.readInt();
            for (int i = 0; i < count; i++) {
                answer.add(from.readNBytes(from.readInt()));
            }
            return answer;
        });
    }

    /** Forgets a module. */
    synchronized void free(int number) {
        ask(number, () -> {
            modules.set(number, "");
            to.writeByte(XlaServer.FREE);
            to.writeInt(number);
            to.flush();
            readRefusal(number);
            return number;
        });
    }

    private interface Exchange<T> {
        T run() throws IOException;
    }

    private <T> T ask(int number, Exchange<T> exchange) {
        try {
            return exchange.run();
        } catch (IOException e) {
            throw new AssertionError(
                    "XLA's process is gone, see " + LOG + "; it was running\n" + modules.get(number), e);
        }
    }

    private void readRefusal(int number) throws IOException {
        if (!from.readBoolean()) {
            throw new AssertionError("XLA refuses: " + from.readUTF() + "\n" + modules.get(number));
        }
    }

    private void writeBytes(byte[] bytes) throws IOException {
        to.writeInt(bytes.length);
        to.write(bytes);
    }

    /** The process that all tests of this JVM share; it ends with the JVM, when its input does. */
    static synchronized XlaProcess shared() {
        if (shared == null) {
            try {
                shared = start();
            } catch (IOException e) {
                throw new DeviceException("XLA's process does not start: " + e.getMessage(), e);
            }
        }
        return shared;
    }
}
