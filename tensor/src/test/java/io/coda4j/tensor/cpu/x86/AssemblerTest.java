package io.coda4j.tensor.cpu.x86;

import static io.coda4j.tensor.cpu.x86.Registers.at;
import static io.coda4j.tensor.cpu.x86.Registers.rdi;
import static io.coda4j.tensor.cpu.x86.Registers.rsp;
import static io.coda4j.tensor.cpu.x86.Registers.tmm1;
import static io.coda4j.tensor.cpu.x86.Registers.tmm2;
import static io.coda4j.tensor.cpu.x86.Registers.ymm;
import static io.coda4j.tensor.cpu.x86.Registers.zmm;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AssemblerTest {
    private static final HexFormat HEX = HexFormat.of();

    private static void check(Map<String, String> expected) {
        for (var row : EncodingTable.rows()) {
            var bytes = expected.get(row.text());
            assertEquals(bytes, HEX.formatHex(row.bytes()), row.text());
        }
    }

    /** Each line is the bytes that GNU as 2.40 gave, and the instruction. */
    @Test
    void bytesAreThoseThatGnuAsGave() throws IOException {
        var recorded = new LinkedHashMap<String, String>();
        try (var file = AssemblerTest.class.getResourceAsStream("encodings.txt")) {
            assertTrue(file != null, "encodings.txt is missing");
            new String(file.readAllBytes(), StandardCharsets.UTF_8)
                    .lines()
                    .filter(line -> !line.startsWith("#"))
                    .forEach(line -> recorded.put(line.substring(line.indexOf(' ') + 1), line.split(" ")[0]));
        }
        check(recorded);
        var texts = EncodingTable.rows().stream().map(EncodingTable.Row::text).collect(Collectors.toSet());
        assertEquals(texts, recorded.keySet(), "recorded and known instructions differ");
    }

    @Test
    void bytesAreThoseThatTheInstalledAssemblerGives(@TempDir Path folder) throws IOException {
        Binutils.require();
        var texts = EncodingTable.rows().stream().map(EncodingTable.Row::text).toList();
        check(Binutils.assemble(folder, texts));
    }

    @Test
    void everyInstructionIsInTheTable() {
        var instructions = Arrays.stream(Assembler.class.getDeclaredMethods())
                .filter(method -> !Modifier.isPrivate(method.getModifiers()) && !method.isSynthetic())
                .map(method -> method.getName().replaceAll("(Vex|32)$", ""))
                .filter(name -> !List.of("bytes", "place").contains(name))
                .collect(Collectors.toSet());
        var known = EncodingTable.rows().stream()
                .flatMap(row -> Arrays.stream(row.text().split("[; ,]+")))
                .collect(Collectors.toSet());
        instructions.removeAll(known);
        assertEquals(java.util.Set.of(), instructions, "instructions without a row");
    }

    @Test
    void refusesWhatItCannotEncode() {
        var assembler = new Assembler();
        assertThrows(IllegalArgumentException.class, () -> ymm(32));
        assertThrows(IllegalArgumentException.class, () -> at(rdi, rsp, 1));
        assertThrows(IllegalArgumentException.class, () -> new Operand.Memory(rdi, rdi, 3, 0));
        assertThrows(IllegalArgumentException.class, () -> assembler.tileloadd(tmm1, at(rdi)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpxord(ymm(0), ymm(1), ymm(2)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vmulps(ymm(0), zmm(1), ymm(2)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpslld(zmm(0), ymm(1), 16));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpdpbusdVex(ymm(0), ymm(16), ymm(1)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vmovups(ymm(16), at(rdi)));
        // Forms that exist for 256 bits alone, and lanes, bits and places that do not fit their bytes.
        assertThrows(IllegalArgumentException.class, () -> assembler.vpand(zmm(0), zmm(1), zmm(2)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpand(ymm(0), zmm(1), ymm(2)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpmovsxbw(zmm(0), at(rdi)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpdpbusdVex(zmm(0), zmm(1), zmm(2)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vblendvps(ymm(0), ymm(1), ymm(2), ymm(17)));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpslld(ymm(0), ymm(1), 32));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpsrad(zmm(0), zmm(1), -1));
        assertThrows(IllegalArgumentException.class, () -> assembler.vcmpps(ymm(0), ymm(1), ymm(2), 32));
        assertThrows(IllegalArgumentException.class, () -> assembler.vinsertf128(ymm(0), ymm(1), at(rdi), 2));
        assertThrows(IllegalArgumentException.class, () -> assembler.vpermilps(ymm(0), ymm(1), 256));
        assertThrows(IllegalArgumentException.class, () -> assembler.tdpbf16ps(tmm1, tmm2, tmm1));
        assertThrows(ArithmeticException.class, () -> at(rdi, Integer.MAX_VALUE).plus(1));
        var label = new Assembler.Label();
        assembler.jz(label);
        assertThrows(IllegalArgumentException.class, () -> new Assembler().place(label));
        assertThrows(IllegalArgumentException.class, () -> new Assembler().jmp(label));
        assertThrows(IllegalStateException.class, assembler::bytes);
        assembler.place(label);
        assertThrows(IllegalStateException.class, () -> assembler.place(label));
    }
}
