package io.coda4j.bench.decode;

import io.coda4j.coder.files.FileException;
import io.coda4j.coder.generate.GenerationException;
import io.coda4j.coder.model.ModelException;
import io.coda4j.coder.tokenizer.TokenizerException;
import io.coda4j.nn.safetensors.SafetensorsException;
import io.coda4j.tensor.DeviceException;
import java.util.List;

/**
 * The process of one cell. Of what it prints, lines with {@value #MARK} before them are for {@link CellProcess}:
 *
 * <pre>
 * note LINE      for people
 * step N         so many steps are done
 * result JSON    a {@link CellResult}, at the end
 * failed REASON  in its place where something that was asked for cannot be had
 * </pre>
 */
final class CellServer {
    /** Before each line of the protocol. */
    static final String MARK = "cell: ";

    private CellServer() {}

    /** Arguments: the words of a {@link CellRequest}. */
    public static void main(String[] args) {
        try {
            var result = DecodeCell.measure(
                    CellRequest.of(List.of(args)), note -> say("note " + note), step -> say("step " + step));
            say("result " + CellResult.MAPPER.writeValueAsString(result));
        } catch (DeviceException
                | FileException
                | GenerationException
                | ModelException
                | SafetensorsException
                | TokenizerException e) {
            say("failed " + String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
        }
    }

    private static void say(String line) {
        System.out.println(MARK + line);
    }
}
