package io.coda4j.nn.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/** Every way in which a file can be broken has a row here, with the part of the message that a user needs. */
class MalformedFilesTest {
    @TempDir
    Path folder;

    private record Bad(String name, byte[] content, String message) {}

    private static byte[] file(String header, int dataBytes) {
        return withLength(header.getBytes(StandardCharsets.UTF_8).length, header, dataBytes);
    }

    private static byte[] withLength(long length, String header, int dataBytes) {
        var out = new ByteArrayOutputStream();
        out.writeBytes(ByteBuffer.allocate(8)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong(length)
                .array());
        out.writeBytes(header.getBytes(StandardCharsets.UTF_8));
        out.writeBytes(new byte[dataBytes]);
        return out.toByteArray();
    }

    private static byte[] tensor(String dtype, String shape, String offsets, int dataBytes) {
        return file(
                "{\"w\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}",
                dataBytes);
    }

    private static byte[] two(String first, String second, int dataBytes) {
        return file(
                "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + first
                        + "},\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":" + second + "}}",
                dataBytes);
    }

    private static byte[] notUtf8() {
        byte[] content = file("{\"?\":1}", 0);
        content[10] = (byte) 0xFF;
        return content;
    }

    private static Stream<Bad> table() {
        return Stream.of(
                new Bad("empty file", new byte[0], "the file is empty"),
                new Bad("shorter than the length", new byte[5], "truncated: a safetensors file starts with an 8-byte"),
                new Bad(
                        "header longer than the file",
                        withLength(100, "{}", 0),
                        "the header should have 100 bytes, the file has 2"),
                new Bad(
                        "absurd header length",
                        withLength(1L << 40, "{}", 0),
                        "header length 1099511627776 is above the limit"),
                new Bad(
                        "negative header length",
                        withLength(-1, "{}", 0),
                        "header length 18446744073709551615 is above"),
                new Bad(
                        "header not JSON",
                        file("hello", 0),
                        "the header is not valid JSON: expected a value at line 1, column 1"),
                new Bad("header not UTF-8", notUtf8(), "the header is not valid UTF-8"),
                new Bad("header is an array", file("[]", 0), "expected an object, got an array"),
                new Bad("header empty", withLength(0, "", 0), "the text ends where a value is expected"),
                new Bad("header nested too deep", file("{\"a\":".repeat(100), 0), "deeper than 64"),
                new Bad("bad escape in a name", file("{\"\\q\":1}", 0), "unknown escape"),
                new Bad("duplicate tensor", file("{\"w\":{},\"w\":{}}", 0), "duplicate key \"w\""),
                new Bad(
                        "tensor is not an object",
                        file("{\"w\":3}", 0),
                        "tensor \"w\": expected an object, got a number"),
                new Bad(
                        "dtype missing",
                        file("{\"w\":{\"shape\":[],\"data_offsets\":[0,4]}}", 4),
                        "no member \"dtype\""),
                new Bad(
                        "dtype unknown",
                        tensor("F8_E9", "[4]", "[0,4]", 4),
                        "unsupported dtype \"F8_E9\", expected one of"),
                new Bad(
                        "dtype not a string",
                        file("{\"w\":{\"dtype\":4,\"shape\":[],\"data_offsets\":[0,4]}}", 4),
                        "expected a string"),
                new Bad(
                        "unknown field",
                        file("{\"w\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"x\":0}}", 1),
                        "unknown field \"x\""),
                new Bad(
                        "negative dimension",
                        tensor("F32", "[-1]", "[0,4]", 4),
                        "dimension 0 of the shape is negative: -1"),
                new Bad(
                        "dimension overflows a long",
                        tensor("F32", "[9223372036854775808]", "[0,4]", 4),
                        "got 9223372036854775808"),
                new Bad("fractional dimension", tensor("F32", "[1.5]", "[0,4]", 4), "expected an integer between"),
                new Bad(
                        "shape product overflows",
                        tensor("F32", "[4294967296,4294967296]", "[0,4]", 4),
                        "overflows 2^63 bytes"),
                new Bad(
                        "bytes do not match the shape",
                        tensor("F32", "[2]", "[0,4]", 4),
                        "shape [2] of F32 needs 8 bytes, data_offsets [0, 4] give 4"),
                new Bad("offsets reversed", tensor("U8", "[4]", "[4,0]", 4), "data_offsets [4, 0] are not a range"),
                new Bad("offsets negative", tensor("U8", "[4]", "[-4,0]", 4), "data_offsets [-4, 0] are not a range"),
                new Bad("one offset", tensor("U8", "[4]", "[0]", 4), "data_offsets has 1 numbers"),
                new Bad(
                        "offset near 2^63",
                        tensor("U8", "[1]", "[9223372036854775806,9223372036854775807]", 4),
                        "its end is beyond 2^63"),
                new Bad(
                        "size near 2^63",
                        tensor("U8", "[9223372036854775807]", "[0,9223372036854775807]", 4),
                        "its end is beyond 2^63"),
                new Bad(
                        "data truncated",
                        tensor("U8", "[8]", "[0,8]", 5),
                        "truncated: tensor \"w\" ends at data offset 8, the file has 5 bytes"),
                new Bad("tensors overlap", two("[0,4]", "[2,6]", 8), "tensor \"b\" overlaps tensor \"a\""),
                new Bad(
                        "hole between tensors",
                        two("[0,4]", "[6,10]", 10),
                        "tensor \"b\" leaves a hole of 2 bytes after tensor \"a\""),
                new Bad(
                        "hole before the first",
                        tensor("U8", "[4]", "[2,6]", 6),
                        "leaves a hole of 2 bytes after the header"),
                new Bad(
                        "bytes after the last",
                        tensor("U8", "[4]", "[0,4]", 7),
                        "3 bytes after tensor \"w\" belong to no tensor"),
                new Bad(
                        "metadata not strings",
                        file("{\"__metadata__\":{\"a\":1}}", 0),
                        "__metadata__ must map strings to strings"));
    }

    @TestFactory
    Stream<DynamicTest> isRefusedWithAMessageThatNamesTheFileAndTheProblem() {
        return table().map(bad -> DynamicTest.dynamicTest(bad.name(), () -> {
            var file = Files.write(folder.resolve("bad.safetensors"), bad.content());
            var e = assertThrows(
                    SafetensorsException.class, () -> Safetensors.open(file).close());
            assertTrue(e.getMessage().startsWith(file + ": "), e.getMessage());
            assertTrue(e.getMessage().contains(bad.message()), e.getMessage());
        }));
    }

    @Test
    void everyTruncationOfAGoodFileIsRefused() throws IOException {
        byte[] good = two("[0,4]", "[4,8]", 8);
        var file = folder.resolve("cut.safetensors");
        Files.write(file, good);
        Safetensors.open(file).close();
        for (int length = 0; length < good.length; length++) {
            Files.write(file, java.util.Arrays.copyOf(good, length));
            assertThrows(
                    SafetensorsException.class, () -> Safetensors.open(file).close(), "length " + length);
        }
    }

    @Test
    void somethingThatIsNoFileIsRefused() {
        assertProblem("no such file or folder", folder.resolve("absent"));
        assertProblem("holds neither model.safetensors nor model.safetensors.index.json", folder);
        assertProblem("not a regular file", Path.of("/dev/null"));
    }

    @Test
    void aBrokenIndexIsRefused() throws IOException {
        new SafetensorsWriter().add("w", new float[1], 1).write(folder.resolve("part.safetensors"));
        assertIndex("not valid: expected ':'", "{\"weight_map\" 1}");
        assertIndex("no member \"weight_map\"", "{\"metadata\":{}}");
        assertIndex("expected a string", "{\"weight_map\":{\"w\":1}}");
        assertIndex(
                "shard gone.safetensors (of tensor \"w\") is missing", "{\"weight_map\":{\"w\":\"gone.safetensors\"}}");
        assertIndex(
                "tensor \"v\" should be in part.safetensors, which does not hold it",
                "{\"weight_map\":{\"w\":\"part.safetensors\",\"v\":\"part.safetensors\"}}");
        assertIndex("is not a plain file name", "{\"weight_map\":{\"w\":\"../part.safetensors\"}}");
        assertIndex("tensor \"w\": its shard has no name of a file", "{\"weight_map\":{\"w\":\"a\\u0000b\"}}");
        assertIndex("duplicate key \"w\"", "{\"weight_map\":{\"w\":\"part.safetensors\",\"w\":\"part.safetensors\"}}");
    }

    private void assertIndex(String problem, String text) throws IOException {
        Files.writeString(folder.resolve(Safetensors.INDEX_FILE), text);
        assertProblem(problem, folder);
    }

    private static void assertProblem(String problem, Path path) {
        var e = assertThrows(
                SafetensorsException.class, () -> Safetensors.open(path).close());
        assertTrue(e.getMessage().contains(problem), e.getMessage());
        assertEquals(0, e.getSuppressed().length);
    }
}
