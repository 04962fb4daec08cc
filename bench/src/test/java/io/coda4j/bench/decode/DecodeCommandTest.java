package io.coda4j.bench.decode;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

final class DecodeCommandTest {
    @TempDir
    private static Path folder;

    @BeforeAll
    static void makeModels() {
        TinyModels.write(folder.resolve("model"));
        TinyModels.quantize(folder.resolve("model"), folder.resolve("int8"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            model | --only swift | --only: no way of decoding is called 'swift'; known: exact, prefix, dual, dual-threshold
            model | --new-tokens 0 | --new-tokens must be at least 1, got 0
            model | --block 0 | --block must be at least 1, got 0
            model | --threshold -1 | --threshold must be in [0, 1], got -1.0
            model | --threshold 1.5 | --threshold must be in [0, 1], got 1.5
            model | --sample-steps 1 | --sample-steps must be at least 2 and fewer than the 255 of the run, got 1; leave it out \
            to run them all
            model | --sample-steps 4 --only dual | --sample-steps is for the way exact, which --only leaves out
            model | --block 16 --only exact | --block is for the ways prefix, dual and dual-threshold, which --only leaves out
            model | --threshold 0.5 --only exact,dual | --threshold is for the way dual-threshold, which --only leaves out
            model | --prompt-tokens 400 | --prompt-tokens and --new-tokens are 656 together; FOLDER/model sees 512
            model | --precision int8 | --precision int8 needs --int8 DIR: FOLDER/model has no INT8 weights; make them with coda \
            quantize --model FOLDER/model --format int8 --out DIR
            model | --int8 FOLDER/model | --int8: FOLDER/model has no INT8 weights; make them with coda quantize --model \
            FOLDER/model --format int8 --out DIR
            model | --int8 FOLDER/int8 --precision f32 | --int8 has no effect without --precision int8
            int8 | --only dual | --model: FOLDER/int8 has INT8 weights; give the checkpoint that it was made from as --model and \
            this one as --int8, or choose --precision int8 alone
            none | --only dual | --model: FOLDER/none/config.json: no such file; a model folder holds config.json and \
            *.safetensors
            """)
    void badInputIsOneLineBeforeAnythingRuns(String model, String words, String line) {
        var errors = new StringWriter();
        var args = new ArrayList<>(List.of("--model", folder.resolve(model).toString()));
        args.addAll(List.of(words.replace("FOLDER", folder.toString()).split(" ")));
        int code = new CommandLine(new DecodeCommand())
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setParameterExceptionHandler((e, _) -> {
                    errors.write(String.valueOf(e.getMessage()));
                    return 2;
                })
                .setErr(new PrintWriter(errors, true))
                .execute(args.toArray(String[]::new));
        assertEquals(2, code);
        assertEquals(line.replace("FOLDER", folder.toString()), errors.toString());
    }
}
