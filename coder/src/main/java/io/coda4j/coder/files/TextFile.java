package io.coda4j.coder.files;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Texts that people write and this program reads whole. */
public final class TextFile {
    /** Longer files are surely not what was meant; a device such as {@code /dev/zero} does not end at all. */
    static final int LONGEST = 16 << 20;

    private TextFile() {}

    /**
     * The UTF-8 text in {@code file}.
     *
     * @throws FileException if it cannot be read, is not UTF-8 or is longer than 16 MiB
     */
    public static String read(Path file) {
        byte[] bytes;
        try (var in = Files.newInputStream(file)) {
            bytes = in.readNBytes(LONGEST + 1);
        } catch (IOException e) {
            throw new FileException(file, "cannot be read", e);
        }
        if (bytes.length > LONGEST) {
            throw new FileException(file, "is longer than " + (LONGEST >> 20) + " MiB, which no text for this is");
        }
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new FileException(file, "is not UTF-8 text", e);
        }
    }
}
