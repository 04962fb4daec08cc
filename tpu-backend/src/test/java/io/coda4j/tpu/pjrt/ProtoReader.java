package io.coda4j.tpu.pjrt;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Fields of a protocol buffer message. */
final class ProtoReader {
    private record Field(int number, long value, byte[] bytes) {}

    private final byte[] message;
    private final List<Field> fields = new ArrayList<>();
    private int at;

    ProtoReader(byte[] message) {
        this.message = message;
        while (at < message.length) {
            fields.add(field());
        }
    }

    private Field field() {
        long key = varint();
        int number = (int) (key >>> 3);
        return switch ((int) (key & 7)) {
            case 0 -> new Field(number, varint(), new byte[0]);
            case 1 -> new Field(number, 0, take(8));
            case 2 -> new Field(number, 0, take((int) varint()));
            default -> throw new AssertionError("wire type " + (key & 7));
        };
    }

    private byte[] take(int count) {
        at += count;
        return Arrays.copyOfRange(message, at - count, at);
    }

    private long varint() {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = message[at++];
            value |= (long) (next & 0x7F) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    /** The integers in a field, in order. */
    List<Long> numbers(int field) {
        return fields.stream().filter(f -> f.number == field).map(f -> f.value).toList();
    }

    long number(int field) {
        return numbers(field).getLast();
    }

    /** The strings, messages or fixed-size numbers in a field. */
    List<byte[]> messages(int field) {
        return fields.stream().filter(f -> f.number == field).map(f -> f.bytes).toList();
    }

    byte[] message(int field) {
        return messages(field).getLast();
    }
}
