package io.coda4j.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class PeersArgumentsTest {
    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            --what encode --device opencl | coda: --what encode: a tokenizer runs on the processor and on no device, got \
            --device opencl; leave one of the two out
            --what gemm,encode --device auto | coda: --what encode: a tokenizer runs on the processor and on no device, \
            got --device auto; leave one of the two out
            --what step --dtype int8 | coda: --dtype int8 needs --what gemm or denoise, got step
            --what attention --dtype bf16 | coda: --dtype bf16 needs --what gemm or denoise or step, got attention
            --what denoise,encode --dtype int8 | coda: --dtype int8 needs --what gemm or denoise, got denoise,encode
            --turns 0 | coda: threads, turns, forks and seconds must be positive
            --warm -1 | coda: --warm must be a number of seconds from 0 on, got -1.0
            """)
    void badArgumentsAreOneLine(String words, String line) {
        var errors = new StringWriter();
        var args = ("peers " + words).split(" ");
        assertEquals(2, Main.commandLine().setErr(new PrintWriter(errors, true)).execute(args));
        assertEquals(line, errors.toString().strip());
    }
}
