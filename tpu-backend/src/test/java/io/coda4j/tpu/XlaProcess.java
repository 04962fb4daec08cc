package io.coda4j.tpu;

import io.coda4j.tensor.Array;
import io.coda4j.tensor.TensorType;
import io.coda4j.tensor.testing.OpTable;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;

/** XLA's CPU compiler in another process; see {@link XlaServer}. */
final class XlaProcess implements AutoCloseable {
    private static final String VERSION = "1.2.0";
    private static final Path JAR = Path.of(
            System.getProperty("localRepository", System.getProperty("user.home") + "/.m2/repository"),
            "org/tensorflow/tensorflow-core-native",
            VERSION,
            "tensorflow-core-native-" + VERSION + "-linux-x86_64.jar");
    private static final Path FOLDER = Path.of("target", "xla-" + VERSION).toAbsolutePath();

    private final Process process;
    private final DataOutputStream to;
    private final DataInputStream from;

    private XlaProcess(Process process) {
        this.process = process;
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
                : Optional.of("there is no " + JAR + "; to get it (192 MB): mvn dependency:copy"
                        + " -Dartifact=org.tensorflow:tensorflow-core-native:" + VERSION
                        + ":jar:linux-x86_64 -DoutputDirectory=target");
    }

    static XlaProcess start() throws IOException {
        for (var library : List.of("libtensorflow_framework.so.2", "libtensorflow_cc.so.2")) {
            unpack(library);
        }
        var builder = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                XlaServer.class.getName(),
                FOLDER.toString());
        builder.environment().put("TF_CPP_MIN_LOG_LEVEL", "3");
        // TensorFlow allows maxima that lose NaN. Little optimisation, because compiling takes longer than running.
        builder.environment()
                .put("XLA_FLAGS", "--xla_cpu_enable_fast_min_max=false --xla_backend_optimization_level=0");
        return new XlaProcess(
                builder.redirectError(Path.of("target", "xla.log").toFile()).start());
    }

    private static void unpack(String library) throws IOException {
        var target = FOLDER.resolve(library);
        if (Files.exists(target)) {
            return;
        }
        Files.createDirectories(FOLDER);
        var part = FOLDER.resolve(library + ".part");
        try (var jar = FileSystems.newFileSystem(JAR)) {
            var source = jar.getPath("org/tensorflow/internal/c_api/linux-x86_64", library);
            Files.copy(source, part, StandardCopyOption.REPLACE_EXISTING);
        }
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    }

    /** The results of a module, on the reference device. */
    List<Array> run(String module, boolean shardy, List<Array> arguments, List<TensorType> results) {
        try {
            send(module.getBytes(StandardCharsets.UTF_8), shardy, arguments, results);
            if (!from.readBoolean()) {
                throw new AssertionError("XLA refuses: " + from.readUTF() + "\n" + module);
            }
            var answer = new ArrayList<Array>();
            for (var type : results) {
                answer.add(array(type, from.readNBytes(from.readInt())));
            }
            return answer;
        } catch (IOException e) {
            throw new AssertionError("XLA's process is gone, see target/xla.log; it was running\n" + module, e);
        }
    }

    private void send(byte[] module, boolean shardy, List<Array> arguments, List<TensorType> results)
            throws IOException {
        to.writeInt(module.length);
        to.write(module);
        to.writeBoolean(shardy);
        to.writeInt(arguments.size());
        for (var argument : arguments) {
            XlaServer.writeType(to, argument.type());
            to.write(bytes(argument));
        }
        to.writeInt(results.size());
        for (var type : results) {
            XlaServer.writeType(to, type);
        }
        to.flush();
    }

    private static byte[] bytes(Array array) {
        try (var arena = Arena.ofConfined()) {
            var host = arena.allocate(array.type().byteSize());
            array.buffer().download(host);
            return host.toArray(ValueLayout.JAVA_BYTE);
        }
    }

    private static Array array(TensorType type, byte[] bytes) {
        return Array.copyOf(type, MemorySegment.ofArray(bytes), OpTable.reference());
    }

    @Override
    public void close() throws IOException {
        try (to) {
            // The end of its input ends the process.
            to.flush();
        } finally {
            end();
        }
    }

    private void end() {
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException _) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }
}
