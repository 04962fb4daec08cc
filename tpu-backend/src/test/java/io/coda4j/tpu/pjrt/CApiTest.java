package io.coda4j.tpu.pjrt;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.coda4j.tensor.testing.Requirement;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class CApiTest {
    private static final Path OFFSETS = Path.of("..", "..", "shared", "spec", "pjrt-struct-offsets-0.104.txt");
    private static final Pattern STRUCT = Pattern.compile("== PJRT_(\\w+) sizeof=(\\d+)(?: STRUCT_SIZE=(\\d+))?");
    private static final Pattern SLOT = Pattern.compile("\\s*(\\d+) \\[\\d+] PJRT_(\\w+)");
    private static final Pattern FIELD = Pattern.compile("\\s*(\\d+)\\s+(\\d+) .*?(\\w+)");

    /** Sizes that are no multiple of 8, and the two places whose order surprises. */
    @Test
    void placesAreThoseOfTheHeader() {
        assertEquals(25, CApi.struct("Event_IsReady").size());
        assertEquals(28, CApi.struct("Error_GetCode").size());
        assertEquals(32, CApi.struct("Error_GetCode").sizeof());
        assertEquals(76, CApi.struct("Buffer_MemoryLayout").size());
        assertEquals(185, CApi.struct("Device_MemoryStats").size());
        assertEquals(56, CApi.struct("NamedValue").sizeof());
        assertEquals(120, CApi.struct("Client_BufferFromHostBuffer").size());
        assertEquals(16, CApi.struct("Plugin_Initialize").size());
        assertEquals(
                24,
                CApi.struct("DeviceDescription_Attributes")
                        .field("num_attributes")
                        .offset());
        assertEquals(
                24,
                CApi.struct("Executable_GetCostAnalysis")
                        .field("num_properties")
                        .offset());
        assertEquals(40, CApi.struct("Error_Destroy").slot());
        assertEquals(40 + 8 * 89, CApi.struct("Compile").slot());
        assertThrows(NullPointerException.class, () -> CApi.struct("Nonsense"));
    }

    @Test
    void theTableAgreesWithTheOffsetsThatACompilerPrinted() throws IOException {
        Requirement.require("shared", Files.exists(OFFSETS) ? Optional.empty() : Optional.of("there is no " + OFFSETS));
        var seen = new LinkedHashMap<String, CApi.Struct>();
        CApi.Struct current = null;
        for (var line : Files.readAllLines(OFFSETS)) {
            if (STRUCT.matcher(line) instanceof Matcher struct && struct.matches()) {
                current = named(struct);
                if (current != null) {
                    seen.put(current.name(), current);
                    assertEquals(Integer.parseInt(struct.group(2)), current.sizeof(), line);
                    assertEquals(Integer.parseInt(struct.group(3)), current.size(), line);
                }
            } else if (SLOT.matcher(line) instanceof Matcher slot && slot.matches()) {
                assertEquals(
                        Integer.parseInt(slot.group(1)),
                        CApi.struct(slot.group(2)).slot(),
                        line);
            } else if (FIELD.matcher(line) instanceof Matcher field && field.matches() && current != null) {
                checkField(current, field, line);
            }
        }
        assertEquals(CApi.structs().keySet(), seen.keySet().stream().collect(java.util.stream.Collectors.toSet()));
    }

    private static CApi.Struct named(Matcher struct) {
        var name = struct.group(1).replaceAll("_Args$", "");
        return CApi.structs().get(name);
    }

    private static void checkField(CApi.Struct struct, Matcher field, String line) {
        var name = field.group(3);
        if (!name.equals("struct_size") && !name.equals("extension_start")) {
            var known = struct.field(name);
            assertEquals(Integer.parseInt(field.group(1)), known.offset(), line);
            int bytes = Integer.parseInt(field.group(2));
            var kinds = Map.of(1, "BOOL", 4, "INT FLOAT", 8, "LONG POINTER", 32, "STRUCT", 56, "STRUCT", 80, "STRUCT");
            assertTrue(kinds.getOrDefault(bytes, "").contains(known.kind().name()), line);
        }
    }
}
