package io.coda4j.tpu.pjrt;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The fields of a protocol buffer message. */
final class ProtoReader {
    private record Field(int number, long value, byte[] bytes) {}

    private static final byte[] NOTHING = {};

    private final byte[] message;
    private final List<Field> fields = new ArrayList<>();
    private int at;

    /**
     * Reads a message.
     *
     * @throws IllegalArgumentException if it is none
     */
    ProtoReader(byte[] message) {
        this.message = message;
        try {
            while (at < message.length) {
                fields.add(field());
            }
        } catch (IndexOutOfBoundsException | NegativeArraySizeException e) {
            throw new IllegalArgumentException("the message ends within a field", e);
        }
    }

    private Field field() {
        long key = varint();
        int number = (int) (key >>> 3);
        return switch ((int) (key & 7)) {
            case 0 -> new Field(number, varint(), NOTHING);
            case 1 -> new Field(number, 0, take(Long.BYTES));
            case 2 -> new Field(number, 0, take(Math.toIntExact(varint())));
            case 5 -> new Field(number, 0, take(Integer.BYTES));
            default -> throw new IllegalArgumentException("a field of unknown form " + (key & 7));
        };
    }

    private byte[] take(int count) {
        if (count < 0 || count > message.length - at) {
            throw new IllegalArgumentException("the message ends within a field");
        }
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

    /** The integers in a field, in order, whether packed or not. */
    List<Long> numbers(int field) {
        var numbers = new ArrayList<Long>();
        for (var found : fields) {
            if (found.number == field && found.bytes.length > 0) {
                unpack(found.bytes, numbers);
            } else if (found.number == field) {
                numbers.add(found.value);
            }
        }
        return numbers;
    }

    private static void unpack(byte[] packed, List<Long> numbers) {
        for (int at = 0; at < packed.length; ) {
            long value = 0;
            int shift = 0;
            byte next;
            do {
                next = packed[at++];
                value |= (long) (next & 0x7F) << shift;
                shift += 7;
            } while (next < 0);
            numbers.add(value);
        }
    }

    /** The last integer in a field, 0 if there is none. */
    long number(int field) {
        var numbers = numbers(field);
        return numbers.isEmpty() ? 0 : numbers.getLast();
    }

    /** The strings, messages or fixed-size numbers in a field. */
    List<byte[]> messages(int field) {
        return fields.stream().filter(f -> f.number == field).map(f -> f.bytes).toList();
    }

    /** The last of {@link #messages}, empty if there is none. */
    byte[] message(int field) {
        var messages = messages(field);
        return messages.isEmpty() ? NOTHING : messages.getLast();
    }

    String text(int field) {
        return new String(message(field), StandardCharsets.UTF_8);
    }
}
