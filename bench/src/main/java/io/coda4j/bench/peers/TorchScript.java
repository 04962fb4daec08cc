package io.coda4j.bench.peers;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.training.ParameterStore;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A function in TorchScript, so that PyTorch runs its own operations in its own way and not what a binding composes.
 *
 * <p>The archive that PyTorch reads is a zip with the source text and a pickled object without fields.
 */
final class TorchScript implements AutoCloseable {
    private static final String NAME = "function";

    private final Model model;
    private final ParameterStore parameters;
    private final Path folder;

    /**
     * Compiles a function of tensors.
     *
     * @param arguments names of the arguments, all of type Tensor
     * @param body statements; the last returns a tensor
     */
    TorchScript(NDManager manager, Iterable<String> arguments, String body) {
        try {
            folder = Files.createTempDirectory("coda-torchscript");
            write(folder.resolve(NAME + ".pt"), arguments, body);
            model = Model.newInstance(NAME, "PyTorch");
            model.load(folder, NAME);
            parameters = new ParameterStore(manager, false);
        } catch (IOException e) {
            throw new UncheckedIOException("the TorchScript function cannot be stored", e);
        } catch (MalformedModelException e) {
            throw new IllegalStateException("PyTorch refuses the function:\n" + body, e);
        }
    }

    NDArray call(NDArray... arguments) {
        return call(new NDList(arguments));
    }

    NDArray call(NDList arguments) {
        return model.getBlock().forward(parameters, arguments, true).getFirst();
    }

    private static void write(Path file, Iterable<String> arguments, String body) throws IOException {
        var head = new StringBuilder("class M(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
                + "  def forward(self: __torch__.M");
        arguments.forEach(name -> head.append(", ").append(name).append(": Tensor"));
        head.append(") -> Tensor:\n");
        body.lines().forEach(line -> head.append("    ").append(line).append('\n'));
        try (var zip = new ZipOutputStream(Files.newOutputStream(file))) {
            put(zip, "data.pkl", object());
            put(zip, "code/__torch__.py", head.toString().getBytes(StandardCharsets.UTF_8));
            // An empty tuple.
            put(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
            put(zip, "version", "3\n".getBytes(StandardCharsets.UTF_8));
        }
    }

    /** A pickled instance of class M with one field, training = False. */
    private static byte[] object() {
        var bytes = new ByteArrayOutputStream();
        bytes.writeBytes(new byte[] {(byte) 0x80, 2});
        bytes.writeBytes("c__torch__\nM\n)".getBytes(StandardCharsets.US_ASCII));
        bytes.writeBytes(new byte[] {(byte) 0x81, '}', '(', 'X', 8, 0, 0, 0});
        bytes.writeBytes("training".getBytes(StandardCharsets.US_ASCII));
        bytes.writeBytes(new byte[] {(byte) 0x89, 'u', 'b', '.'});
        return bytes.toByteArray();
    }

    private static void put(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
        var crc = new CRC32();
        crc.update(bytes);
        var entry = new ZipEntry(NAME + "/" + name);
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(bytes.length);
        entry.setCrc(crc.getValue());
        zip.putNextEntry(entry);
        zip.write(bytes);
        zip.closeEntry();
    }

    @Override
    public void close() {
        model.close();
        try {
            Files.deleteIfExists(folder.resolve(NAME + ".pt"));
            Files.deleteIfExists(folder);
        } catch (IOException e) {
            throw new UncheckedIOException("a temporary file cannot be deleted", e);
        }
    }
}
